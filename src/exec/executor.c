/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Creates an executor and records its steps. */
#include "exec/executor.h"

#include "exec/executor-steps.h"
#include "exec/executor-weights.h"
#include "exec/operator.h"
#include "net/fuse.h"
#include "net/plan.h"
#include "util/error.h"

const LmBuffer *lm_executor_arena(const LmExecutor *executor)
{
    return &executor->arena;
}

void lm_executor_range(const LmExecutor *executor, LmTensorId id, VkDeviceSize *offset,
                       VkDeviceSize *size)
{
    const VkDescriptorBufferInfo range = tensor_range(executor, id);
    *offset = range.offset;
    *size = range.range;
}

unsigned lm_executor_n_dispatches(const LmExecutor *executor)
{
    return executor->steps->len;
}

unsigned lm_executor_n_barriers(const LmExecutor *executor)
{
    unsigned n = 0;
    for (guint i = 0; i < executor->steps->len; i++)
        n += g_array_index(executor->steps, Step, i).barrier;
    return n;
}

VkDeviceSize lm_executor_device_bytes(const LmExecutor *executor)
{
    return executor->arena.size + executor->weights.size;
}

VkDeviceSize lm_executor_op_bytes(const LmExecutor *executor, unsigned index)
{
    const Parameters *parameters = &executor->parameters[index];
    const LmOp *op = lm_graph_op(executor->graph, index);
    const LmTensorId ids[] = {op->output, op->input, op->residual, op->channel_scale,
                              op->partial_sums};
    VkDeviceSize bytes =
        parameters->weights_size + parameters->bias_size + parameters->squeeze_excite_size;
    for (gsize i = 0; i < G_N_ELEMENTS(ids); i++)
        bytes += ids[i] == LM_NO_TENSOR ? 0 : tensor_range(executor, ids[i]).range;
    return bytes;
}

/* Makes the pipelines of all steps and of the mask. */
static bool make_pipelines(LmExecutor *executor, GError **error)
{
    guint n = executor->steps->len;
    g_autofree LmPipelineRequest *requests = g_new(LmPipelineRequest, n + 1);
    for (guint i = 0; i <= n; i++) {
        const Step *step = i < n ? &g_array_index(executor->steps, Step, i) : &executor->mask;
        requests[i] = (LmPipelineRequest){step->dispatch.shader, step->dispatch.variant,
                                          step->dispatch.spec, step->dispatch.n_spec};
    }
    if (!lm_pipelines_prepare(executor->pipelines, requests, n + 1, error))
        return false;
    for (guint i = 0; i <= n; i++) {
        Step *step = i < n ? &g_array_index(executor->steps, Step, i) : &executor->mask;
        step->pipeline =
            lm_pipelines_get(executor->pipelines, requests[i].name, requests[i].variant,
                             requests[i].spec, requests[i].n_spec, error);
        if (step->pipeline == VK_NULL_HANDLE)
            return false;
    }
    return true;
}

unsigned lm_executor_variant(const LmDeviceInfo *device, const LmExecutorParams *params)
{
    const bool automatic = params->tiled == LM_TILED_WHERE_FASTER;
    const bool tiled = device->tiled && (!automatic || device->type != LM_DEVICE_CPU);
    /* An estimate for integrated GPUs, which are limited by arithmetic; discrete GPUs were measured
     * without. */
    const bool half =
        params->fp16 && device->native_fp16 &&
        (params->tiled == LM_TILED_HALF || (automatic && device->type == LM_DEVICE_INTEGRATED));
    /* The first row that applies counts. */
    const struct {
        bool holds;
        unsigned builds;
    } rows[] = {
        {params->portable, 0},
        {tiled && half, LM_VARIANT_TILED | LM_VARIANT_HALF},
        {tiled, LM_VARIANT_TILED},
        {device->lanes8, LM_VARIANT_LANES8},
        {true, 0},
    };
    unsigned i = 0;
    while (!rows[i].holds)
        i++;
    return rows[i].builds | (params->fp16 ? LM_VARIANT_FP16 : 0);
}

void lm_executor_plan(LmGraph *graph, const LmDeviceInfo *device, const LmExecutorParams *params)
{
    bool tiled = lm_executor_variant(device, params) & LM_VARIANT_TILED;
    if (tiled)
        lm_graph_fuse(graph);
    if (tiled || device->type != LM_DEVICE_CPU)
        lm_graph_plan_steps(graph);
}

/* The device that the graph was fused for may be gone, and another may have taken its place. */
static bool check_fused(const LmExecutor *executor, GError **error)
{
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        const LmOp *op = lm_graph_op(executor->graph, i);
        if (!(executor->variant & LM_VARIANT_TILED) &&
            (op->squeeze_excite || op->partial_sums != LM_NO_TENSOR)) {
            g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                        "%s: the network was planned for another device",
                        executor->device->info.name);
            return false;
        }
    }
    return true;
}

LmExecutor *lm_executor_create(LmPipelines *pipelines, const LmGraph *graph,
                               const LmExecutorParams *params, GError **error)
{
    LmExecutor *executor = g_new0(LmExecutor, 1);
    executor->pipelines = pipelines;
    executor->device = lm_pipelines_device(pipelines);
    executor->graph = graph;
    executor->variant = lm_executor_variant(&executor->device->info, params);
    executor->max_storage_range =
        params->max_storage_range ? params->max_storage_range : VK_WHOLE_SIZE;
    executor->kernels = g_new0(LmKernel, graph->ops->len);
    executor->parameters = g_new0(Parameters, graph->ops->len);
    executor->steps = g_array_new(FALSE, FALSE, sizeof(Step));
    executor->views = g_array_new(FALSE, FALSE, sizeof(VkBufferView));
    lm_descriptors_init(&executor->descriptors, pipelines);

    executor->scratch = align(graph->arena_texels * texel_bytes(executor));
    VkDeviceSize scratch_size = lm_executor_steps_choose(executor, params->winograd);
    if (!check_fused(executor, error) ||
        !lm_buffer_init(&executor->arena, executor->device, LM_BUFFER_DEVICE,
                        executor->scratch + scratch_size, "arena", error) ||
        !lm_executor_weights_upload(executor, error) || !lm_executor_steps_build(executor, error) ||
        !make_pipelines(executor, error))
        lm_executor_free(&executor);
    return executor;
}

void lm_executor_free(LmExecutor **handle)
{
    LmExecutor *executor = *handle;
    if (!executor)
        return;
    lm_descriptors_finish(&executor->descriptors);
    for (guint i = 0; i < executor->views->len; i++)
        vkDestroyBufferView(executor->device->handle,
                            g_array_index(executor->views, VkBufferView, i), NULL);
    g_array_unref(executor->views);
    lm_buffer_finish(&executor->weights);
    lm_buffer_finish(&executor->arena);
    g_array_unref(executor->steps);
    g_free(executor->parameters);
    g_free(executor->kernels);
    g_clear_pointer(handle, g_free);
}

static void record_step(const LmExecutor *executor, LmCommands *commands, const Step *step,
                        VkDescriptorSet set, const guint32 groups[3])
{
    lm_commands_dispatch(commands, lm_pipelines_layout(executor->pipelines), step->pipeline, set,
                         step->dispatch.push, step->dispatch.n_push * 4, groups);
}

void lm_executor_record(const LmExecutor *executor, LmCommands *commands, bool timestamps)
{
    if (timestamps)
        lm_commands_timestamp(commands);
    for (guint i = 0; i < executor->steps->len; i++) {
        const Step *step = &g_array_index(executor->steps, Step, i);
        if (step->barrier)
            lm_commands_barrier(commands);
        record_step(executor, commands, step, step->set, step->dispatch.groups);
        if (timestamps && step->last)
            lm_commands_timestamp(commands);
    }
}

bool lm_executor_warm_up(LmExecutor *executor,
                         bool (*progress)(void *user, unsigned done, unsigned total), void *user,
                         GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) steps = g_ptr_array_new();
    for (guint i = 0; i < executor->steps->len; i++) {
        Step *step = &g_array_index(executor->steps, Step, i);
        if (g_hash_table_add(seen, (gpointer)step->pipeline))
            g_ptr_array_add(steps, step);
    }

    LmCommands commands = {0};
    bool ok = lm_commands_init(&commands, executor->device, 0, "warm-up", error);
    for (guint i = 0; ok && i < steps->len; i++) {
        const Step *step = g_ptr_array_index(steps, i);
        ok = lm_commands_begin(&commands, error);
        if (!ok)
            break;
        lm_commands_barrier(&commands);
        record_step(executor, &commands, step, step->set, (const guint32[]){1, 1, 1});
        ok = lm_commands_end(&commands, error) && lm_commands_submit(&commands, error) &&
             lm_commands_wait(&commands, UINT64_MAX, error);
        if (ok && progress && !progress(user, i + 1, steps->len))
            break;
    }
    lm_commands_finish(&commands);
    return ok;
}

VkDescriptorSet lm_executor_mask_set(LmExecutor *executor, LmDescriptors *descriptors,
                                     const LmMaskBuffers *buffers, GError **error)
{
    LmBindings bindings = {
        .inputs = {executor->logits_view, buffers->smoothing, buffers->history_view},
        .outputs = {{buffers->to->handle, 0, buffers->to->size},
                    {buffers->history->handle, 0, buffers->history->size}},
    };
    return lm_descriptors_add(descriptors, &bindings, error);
}

void lm_executor_record_mask(const LmExecutor *executor, LmCommands *commands, VkDescriptorSet set)
{
    record_step(executor, commands, &executor->mask, set, executor->mask.dispatch.groups);
}
