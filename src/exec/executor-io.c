/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copies tensors to and from the arena by logical channel, for tests and tools. */
#include "exec/executor-io.h"

#include "exec/executor-state.h"
#include "gpu/staging.h"

#include "util/half.h"

#include <math.h>

static float load(const LmExecutor *executor, const void *map, gsize index)
{
    return executor->variant & LM_VARIANT_FP16 ? lm_half_to_float(((const guint16 *)map)[index])
                                               : ((const float *)map)[index];
}

static void store(const LmExecutor *executor, void *map, gsize index, float value)
{
    if (executor->variant & LM_VARIANT_FP16)
        ((guint16 *)map)[index] = lm_half_from_float(value);
    else
        ((float *)map)[index] = value;
}

bool lm_executor_io_write(LmExecutor *executor, LmTensorId id, const float *values, GError **error)
{
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width,
          stride = lm_tensor_plane_stride(tensor);
    VkDeviceSize offset, size;
    lm_executor_range(executor, id, &offset, &size);

    g_autofree void *texels = g_malloc(size);
    for (gsize slot = 0; slot < (gsize)tensor->planes * 4; slot++) {
        int channel = tensor->channel[slot];
        for (gsize p = 0; p < stride; p++) {
            /* Nothing may read the padding after the zero texel: fill it so that a read shows. */
            float value = p > pixels                   ? NAN
                          : p == pixels || channel < 0 ? 0
                                                       : values[(gsize)channel * pixels + p];
            store(executor, texels, ((slot / 4) * stride + p) * 4 + slot % 4, value);
        }
    }
    return lm_staging_write(&executor->arena, offset, texels, size, error);
}

bool lm_executor_io_read(LmExecutor *executor, LmTensorId id, float *values, GError **error)
{
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width,
          stride = lm_tensor_plane_stride(tensor);
    VkDeviceSize offset, size;
    lm_executor_range(executor, id, &offset, &size);

    g_autofree void *texels = g_malloc(size);
    if (!lm_staging_read(&executor->arena, offset, texels, size, error))
        return false;
    for (gsize slot = 0; slot < (gsize)tensor->planes * 4; slot++) {
        int channel = tensor->channel[slot];
        for (gsize p = 0; p <= pixels; p++) {
            float value = load(executor, texels, ((slot / 4) * stride + p) * 4 + slot % 4);
            if (channel >= 0 && p < pixels) {
                values[(gsize)channel * pixels + p] = value;
            } else if (value != 0) {
                /* Every test that reads a tensor checks that padding channels and the zero texel
                 * are zero. */
                g_set_error(error, LM_ERROR, LM_ERROR_VULKAN,
                            "%s: stored channel %zu, texel %zu is %g, expected 0", tensor->name,
                            slot, p, (double)value);
                return false;
            }
        }
    }
    return true;
}

bool lm_executor_io_poison(LmExecutor *executor, GError **error)
{
    /* All bits set is a NaN in both precisions. */
    const VkDeviceSize size = executor->arena.size;
    g_autofree void *nans = g_malloc(size);
    memset(nans, 0xff, size);
    return lm_staging_write(&executor->arena, 0, nans, size, error);
}

bool lm_executor_io_run(LmExecutor *executor, GError **error)
{
    LmCommands commands = {0};
    bool ok = lm_commands_init(&commands, executor->device, 0, "run", error) &&
              lm_commands_begin(&commands, error);
    if (ok) {
        lm_executor_record(executor, &commands, false);
        ok = lm_commands_end(&commands, error) && lm_commands_submit(&commands, error) &&
             lm_commands_wait(&commands, UINT64_MAX, error);
    }
    lm_commands_finish(&commands);
    return ok;
}
