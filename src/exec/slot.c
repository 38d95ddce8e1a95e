/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Records and runs one frame's commands. */
#include "exec/slot.h"

#include <string.h>

#define TEXEL_BYTES (4 * sizeof(float))

static gsize mask_bytes(const LmGraph *graph)
{
    const LmTensor *logits = lm_graph_tensor(graph, graph->output);
    return (gsize)(logits->channels - 1) * (gsize)logits->height * (gsize)logits->width;
}

VkDeviceSize lm_slot_history_size(const LmGraph *graph)
{
    return mask_bytes(graph) * sizeof(float);
}

/* The softmax's descriptor set, with its own views; VK_NULL_HANDLE with an error. */
static VkDescriptorSet make_mask_set(LmSlot *slot, LmExecutor *executor, const LmBuffer *history,
                                     GError **error)
{
    const VkFormat format = VK_FORMAT_R32G32B32A32_SFLOAT;
    LmMaskBuffers buffers = {.to = &slot->mask, .history = history};
    if (!(buffers.history_view =
              lm_buffer_view(history, format, 0, history->size, "history", error)))
        return VK_NULL_HANDLE;
    g_array_append_val(slot->views, buffers.history_view);
    buffers.smoothing =
        lm_buffer_view(&slot->smoothing, format, 0, slot->smoothing.size, "smoothing", error);
    if (!buffers.smoothing)
        return VK_NULL_HANDLE;
    g_array_append_val(slot->views, buffers.smoothing);
    return lm_executor_mask_set(executor, &slot->descriptors, &buffers, error);
}

bool lm_slot_init(LmSlot *slot, LmPipelines *pipelines, LmExecutor *executor, const LmGraph *graph,
                  LmPreprocess *preprocess, const LmBuffer *history, GError **error)
{
    LmDevice *device = lm_pipelines_device(pipelines);
    VkDeviceSize offset, size;

    memset(slot, 0, sizeof *slot);
    slot->views = g_array_new(FALSE, FALSE, sizeof(VkBufferView));
    slot->mask_bytes = mask_bytes(graph);
    lm_descriptors_init(&slot->descriptors, pipelines);
    if (!lm_buffer_init(&slot->upload, device, LM_BUFFER_UPLOAD,
                        lm_preprocess_upload_size(preprocess), "upload", error) ||
        !lm_buffer_init(&slot->smoothing, device, LM_BUFFER_UPLOAD, TEXEL_BYTES, "smoothing",
                        error) ||
        !lm_buffer_init(&slot->mask, device, LM_BUFFER_DEVICE, slot->mask_bytes, "mask", error) ||
        !lm_buffer_init(&slot->readback, device, LM_BUFFER_READBACK, slot->mask_bytes, "read-back",
                        error) ||
        !lm_commands_init(&slot->commands, device, 2, "frame", error))
        goto error;
    VkDescriptorSet mask_set = make_mask_set(slot, executor, history, error);
    if (mask_set == VK_NULL_HANDLE || !lm_commands_begin(&slot->commands, error))
        goto error;

    lm_commands_timestamp(&slot->commands);
    lm_executor_range(executor, graph->input, &offset, &size);
    if (!lm_preprocess_record(preprocess, &slot->commands, &slot->descriptors, slot->views,
                              &slot->upload, lm_executor_arena(executor), offset, size, error))
        goto error;
    lm_executor_record(executor, &slot->commands, false);
    lm_commands_barrier(&slot->commands);
    lm_executor_record_mask(executor, &slot->commands, mask_set);
    lm_commands_barrier(&slot->commands);
    lm_commands_copy(&slot->commands, &slot->mask, 0, &slot->readback, 0, slot->mask_bytes);
    lm_commands_barrier_to_host(&slot->commands);
    lm_commands_timestamp(&slot->commands);
    if (!lm_commands_end(&slot->commands, error))
        goto error;
    return true;
error:
    lm_slot_finish(slot);
    return false;
}

void lm_slot_finish(LmSlot *slot)
{
    LmDevice *device = slot->descriptors.device;
    lm_commands_finish(&slot->commands);
    lm_descriptors_finish(&slot->descriptors);
    for (guint i = 0; slot->views && i < slot->views->len; i++)
        vkDestroyBufferView(device->handle, g_array_index(slot->views, VkBufferView, i), NULL);
    g_clear_pointer(&slot->views, g_array_unref);
    lm_buffer_finish(&slot->upload);
    lm_buffer_finish(&slot->smoothing);
    lm_buffer_finish(&slot->mask);
    lm_buffer_finish(&slot->readback);
    memset(slot, 0, sizeof *slot);
}

bool lm_slot_upload(LmSlot *slot, const LmPreprocess *preprocess, const LmFrame *frame,
                    GError **error)
{
    lm_preprocess_upload(preprocess, frame, slot->upload.map);
    return lm_buffer_flush(&slot->upload, error);
}

bool lm_slot_submit(LmSlot *slot, float smoothing, GError **error)
{
    *(float *)slot->smoothing.map = smoothing;
    return lm_buffer_flush(&slot->smoothing, error) && lm_commands_submit(&slot->commands, error);
}

bool lm_slot_wait(LmSlot *slot, guint64 timeout_ns, guint8 *data, gint64 *gpu_ns, GError **error)
{
    if (!lm_commands_wait(&slot->commands, timeout_ns, error) ||
        !lm_buffer_invalidate(&slot->readback, error))
        return false;
    memcpy(data, slot->readback.map, slot->mask_bytes);
    guint64 ns[2] = {0};
    *gpu_ns = lm_commands_timestamps(&slot->commands, ns, 2) == 2 ? (gint64)ns[1] : 0;
    return true;
}
