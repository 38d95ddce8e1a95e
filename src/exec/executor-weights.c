/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Places the operators' weights and biases in one buffer and uploads them. */
#include "exec/executor-weights.h"

#include "exec/operator.h"
#include "gpu/staging.h"
#include "util/half.h"

#include <string.h>

/* Biases are single precision in every variant. */
#define BIAS_TEXEL 16

static LmKernel squeeze_excite_kernel(const LmExecutor *executor, const LmOp *op)
{
    return lm_kernel_choose(executor->graph, op->squeeze_excite, executor->variant);
}

/* Sets the place of each operator's weights and biases; returns the total size. */
static VkDeviceSize place_parameters(LmExecutor *executor)
{
    VkDeviceSize size = 0;
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        Parameters *parameters = &executor->parameters[i];
        const LmKernel *kernel = &executor->kernels[i];
        parameters->weights_offset = size;
        parameters->weights_size = lm_operator_weight_texels(kernel) * texel_bytes(executor);
        parameters->bias_offset = align(size + parameters->weights_size);
        parameters->bias_size = lm_operator_bias_texels(kernel) * BIAS_TEXEL;
        size = align(parameters->bias_offset + parameters->bias_size);
        if (kernel->op->squeeze_excite) {
            /* Weights, then biases, both in the weights' precision: elsewhere biases are single
             * precision, but here a rounding hardly counts before a function as flat as the
             * sigmoid. */
            const LmKernel own = squeeze_excite_kernel(executor, kernel->op);
            parameters->squeeze_excite_offset = size;
            parameters->squeeze_excite_size =
                (lm_operator_weight_texels(&own) + lm_operator_bias_texels(&own)) *
                texel_bytes(executor);
            size = align(parameters->squeeze_excite_offset + parameters->squeeze_excite_size);
        }
    }
    return size + VIEW_SLACK;
}

/* Converts n values to the device's storage type. */
static void store_values(const LmExecutor *executor, const float *values, gsize n, guint8 *to)
{
    guint16 *halves = (guint16 *)(void *)to;
    if (!(executor->variant & LM_VARIANT_FP16))
        memcpy(to, values, n * sizeof *values);
    else
        for (gsize i = 0; i < n; i++)
            halves[i] = lm_half_from_float(values[i]);
}

static void store_squeeze_excite(const LmExecutor *executor, const LmOp *op, guint8 *to)
{
    const LmKernel kernel = squeeze_excite_kernel(executor, op);
    const gsize n_weights = lm_operator_weight_texels(&kernel) * 4;
    const gsize n = n_weights + lm_operator_bias_texels(&kernel) * 4;
    g_autofree float *values = g_new(float, n);
    lm_operator_write_weights(&kernel, values);
    lm_operator_write_biases(&kernel, values + n_weights);
    store_values(executor, values, n, to);
}

static void store_parameters(const LmExecutor *executor, guint index, guint8 *map)
{
    const Parameters *parameters = &executor->parameters[index];
    const LmKernel *kernel = &executor->kernels[index];
    const gsize n = lm_operator_weight_texels(kernel) * 4;

    lm_operator_write_biases(kernel, (float *)(void *)(map + parameters->bias_offset));
    if (kernel->op->squeeze_excite)
        store_squeeze_excite(executor, kernel->op, map + parameters->squeeze_excite_offset);
    if (!(executor->variant & LM_VARIANT_FP16)) {
        lm_operator_write_weights(kernel, (float *)(void *)(map + parameters->weights_offset));
        return;
    }
    g_autofree float *texels = g_new(float, n);
    lm_operator_write_weights(kernel, texels);
    store_values(executor, texels, n, map + parameters->weights_offset);
}

bool lm_executor_weights_upload(LmExecutor *executor, GError **error)
{
    const VkDeviceSize size = place_parameters(executor);
    if (!lm_buffer_init(&executor->weights, executor->device, LM_BUFFER_DEVICE, size, "weights",
                        error))
        return false;
    g_autofree guint8 *bytes = g_malloc0(size);
    for (guint i = 0; i < executor->graph->ops->len; i++)
        store_parameters(executor, i, bytes);
    return lm_staging_write(&executor->weights, 0, bytes, size, error);
}
