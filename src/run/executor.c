/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Building and recording: weights to the device, one descriptor set and one pipeline an operator.
 */
#include "run/executor-internal.h"

#include "run/pack.h"
#include "util/error.h"
#include "util/half.h"

#include <string.h>

/* Largest alignment that Vulkan lets a device ask of views and storage ranges. */
#define ALIGNMENT 256
/* Mesa's llvmpipe compiles a shader anew for views of another kind than it has seen, and takes
 * those whose size in bytes has a zero for its second byte to be another kind: half of all
 * compiling was for biases of less than 256 bytes. Such views of parameters reach so far into what
 * follows. */
#define VIEW_SLACK 256
/* Biases are single precision in every variant. */
#define BIAS_TEXEL 16

static VkDeviceSize align(VkDeviceSize size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static VkFormat format_of(const LmExecutor *executor)
{
    return executor->variant & LM_VARIANT_FP16 ? VK_FORMAT_R16G16B16A16_SFLOAT
                                               : VK_FORMAT_R32G32B32A32_SFLOAT;
}

static VkDeviceSize texel_bytes(const LmExecutor *executor)
{
    return executor->variant & LM_VARIANT_FP16 ? 8 : 16;
}

const LmBuffer *lm_executor_arena(const LmExecutor *executor)
{
    return &executor->arena;
}

void lm_executor_range(const LmExecutor *executor, LmTensorId id, VkDeviceSize *offset,
                       VkDeviceSize *size)
{
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    *offset = tensor->offset * texel_bytes(executor);
    *size = (VkDeviceSize)tensor->planes * lm_tensor_plane_stride(tensor) * texel_bytes(executor);
}

unsigned lm_executor_n_dispatches(const LmExecutor *executor)
{
    return executor->steps->len;
}

VkDeviceSize lm_executor_device_bytes(const LmExecutor *executor)
{
    return executor->arena.size + executor->weights.size;
}

/* Where each operator's weights and biases go; returns the total size. */
static VkDeviceSize place_parameters(LmExecutor *executor)
{
    VkDeviceSize size = 0;
    for (guint i = 0; i < executor->graph->ops->len; i++) {
        Parameters *parameters = &executor->parameters[i];
        const LmOp *op = lm_graph_op(executor->graph, i);
        parameters->weights_offset = size;
        parameters->weights_size =
            lm_pack_weight_texels(executor->graph, op, executor->variant) * texel_bytes(executor);
        parameters->bias_offset = align(size + parameters->weights_size);
        parameters->bias_size =
            lm_pack_bias_texels(executor->graph, op, executor->variant) * BIAS_TEXEL;
        size = align(parameters->bias_offset + parameters->bias_size);
    }
    return size + VIEW_SLACK;
}

static void pack_parameters(const LmExecutor *executor, guint index, guint8 *map)
{
    const Parameters *parameters = &executor->parameters[index];
    const LmOp *op = lm_graph_op(executor->graph, index);
    gsize n = lm_pack_weight_texels(executor->graph, op, executor->variant) * 4;

    if (parameters->bias_size)
        lm_pack_biases(executor->graph, op, executor->variant,
                       (float *)(void *)(map + parameters->bias_offset));
    if (n == 0)
        return;
    if (!(executor->variant & LM_VARIANT_FP16)) {
        lm_pack_weights(executor->graph, op, executor->variant,
                        (float *)(void *)(map + parameters->weights_offset));
        return;
    }
    g_autofree float *texels = g_new(float, n);
    guint16 *halves = (guint16 *)(void *)(map + parameters->weights_offset);
    lm_pack_weights(executor->graph, op, executor->variant, texels);
    for (gsize i = 0; i < n; i++)
        halves[i] = lm_half_from_float(texels[i]);
}

static bool upload_weights(LmExecutor *executor, GError **error)
{
    LmBuffer staging = {0};
    VkDeviceSize size = place_parameters(executor);
    bool ok = lm_buffer_init(&executor->weights, executor->device, LM_BUFFER_DEVICE, size,
                             "weights", error) &&
              lm_buffer_init(&staging, executor->device, LM_BUFFER_UPLOAD, size, "weights staging",
                             error);
    if (ok) {
        memset(staging.map, 0, size);
        for (guint i = 0; i < executor->graph->ops->len; i++)
            pack_parameters(executor, i, staging.map);
        ok = lm_buffer_flush(&staging, error) &&
             lm_commands_transfer(executor->device, &staging, 0, &executor->weights, 0, size,
                                  UINT64_MAX, error);
    }
    lm_buffer_finish(&staging);
    return ok;
}

static VkBufferView add_view(LmExecutor *executor, const LmBuffer *buffer, VkFormat format,
                             VkDeviceSize offset, VkDeviceSize size, const char *name,
                             GError **error)
{
    VkBufferView view = lm_buffer_view(buffer, format, offset, size, name, error);
    if (view != VK_NULL_HANDLE)
        g_array_append_val(executor->views, view);
    return view;
}

/* A view of a tensor from plane `first` on. True where there is no tensor. */
static bool view_tensor(LmExecutor *executor, LmTensorId id, int first, VkBufferView *view,
                        GError **error)
{
    if (id == LM_NO_TENSOR)
        return true;
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    VkDeviceSize offset, size,
        skip = (VkDeviceSize)first * lm_tensor_plane_stride(tensor) * texel_bytes(executor);
    lm_executor_range(executor, id, &offset, &size);
    *view = add_view(executor, &executor->arena, format_of(executor), offset + skip, size - skip,
                     tensor->name, error);
    return *view != VK_NULL_HANDLE;
}

/* Bytes of an operator's parameters, `size` altogether, that go with one unit of its output. */
static VkDeviceSize parameter_unit(const LmExecutor *executor, const LmOp *op, VkDeviceSize size)
{
    const LmTensor *y = lm_graph_tensor(executor->graph, op->output);
    int granularity = lm_dispatch_granularity(executor->graph, op, executor->variant);
    return size / (VkDeviceSize)((y->planes + granularity - 1) / granularity);
}

/* Planes that a split of an operator's output is a multiple of: whole units, and parameters aligned
 * as views must be. */
static int split_granularity(const LmExecutor *executor, const LmOp *op,
                             const Parameters *parameters)
{
    VkDeviceSize weights = parameter_unit(executor, op, parameters->weights_size);
    VkDeviceSize bias = parameter_unit(executor, op, parameters->bias_size);
    VkDeviceSize units = 1, alignment = executor->device->min_offset_alignment;
    while (units * weights % alignment || units * bias % alignment)
        units++;
    return (int)units * lm_dispatch_granularity(executor->graph, op, executor->variant);
}

/* The planes' share of an operator's parameters, of which every plane of the output has as many: a
 * view, or none where there are none. */
static bool view_parameters(LmExecutor *executor, const LmOp *op, LmPlanes planes, VkFormat format,
                            VkDeviceSize offset, VkDeviceSize size, VkBufferView *view,
                            GError **error)
{
    if (size == 0)
        return true;
    VkDeviceSize skip = (VkDeviceSize)(planes.first / lm_dispatch_granularity(executor->graph, op,
                                                                              executor->variant)) *
                        parameter_unit(executor, op, size);
    size -= skip;
    if (size / 256 % 256 == 0)
        size += VIEW_SLACK;
    *view = add_view(executor, &executor->weights, format, offset + skip, size, op->name, error);
    return *view != VK_NULL_HANDLE;
}

static bool bind_step(LmExecutor *executor, const LmOp *op, const Parameters *parameters,
                      LmPlanes planes, LmBindings *bindings, GError **error)
{
    const LmTensor *y = lm_graph_tensor(executor->graph, op->output);
    VkDeviceSize offset, size, plane = lm_tensor_plane_stride(y) * texel_bytes(executor);

    if (!view_tensor(executor, op->input, planes.first * lm_dispatch_input_planes(op),
                     &bindings->inputs[0], error) ||
        !view_tensor(executor, op->addend, planes.first, &bindings->inputs[1], error) ||
        !view_tensor(executor, op->gain, 0, &bindings->inputs[2], error) ||
        !view_parameters(executor, op, planes, format_of(executor), parameters->weights_offset,
                         parameters->weights_size, &bindings->weights, error) ||
        !view_parameters(executor, op, planes, VK_FORMAT_R32G32B32A32_SFLOAT,
                         parameters->bias_offset, parameters->bias_size, &bindings->bias, error))
        return false;
    /* A shader built without its addend, gain or bias still names their bindings; something must be
     * there. */
    for (int i = 1; i < LM_MAX_INPUTS; i++)
        if (bindings->inputs[i] == VK_NULL_HANDLE)
            bindings->inputs[i] = bindings->inputs[0];
    if (bindings->bias == VK_NULL_HANDLE)
        bindings->bias = bindings->inputs[0];
    lm_executor_range(executor, op->output, &offset, &size);
    bindings->outputs[0] = (VkDescriptorBufferInfo){executor->arena.handle,
                                                    offset + (VkDeviceSize)planes.first * plane,
                                                    (VkDeviceSize)planes.n * plane};
    return true;
}

static bool build_step(LmExecutor *executor, guint index, LmPlanes planes, GError **error)
{
    const LmOp *op = lm_graph_op(executor->graph, index);
    Step step = {.op = index,
                 .last = planes.first + planes.n ==
                         lm_graph_tensor(executor->graph, op->output)->planes};
    LmBindings bindings = {0};

    lm_dispatch_op(executor->graph, op, executor->variant, planes, &step.dispatch);
    step.pipeline = lm_pipelines_get(executor->pipelines, step.dispatch.shader, executor->variant,
                                     step.dispatch.spec, step.dispatch.n_spec, error);
    if (step.pipeline == VK_NULL_HANDLE ||
        !bind_step(executor, op, &executor->parameters[index], planes, &bindings, error))
        return false;
    step.set = lm_descriptors_add(&executor->descriptors, &bindings, error);
    g_array_append_val(executor->steps, step);
    return step.set != VK_NULL_HANDLE;
}

/* As few steps as the device's storage range allows. */
static bool build_op(LmExecutor *executor, guint index, GError **error)
{
    const LmOp *op = lm_graph_op(executor->graph, index);
    const LmTensor *y = lm_graph_tensor(executor->graph, op->output);
    VkDeviceSize plane = lm_tensor_plane_stride(y) * texel_bytes(executor);
    VkDeviceSize limit =
        MIN(executor->device->limits.maxStorageBufferRange, executor->max_storage_range);
    int granularity = split_granularity(executor, op, &executor->parameters[index]);
    int most = y->planes;
    /* Where not even one unit fits, its descriptor set says so. */
    if ((VkDeviceSize)most * plane > limit)
        most = MAX((int)(limit / plane) / granularity, 1) * granularity;
    for (int first = 0; first < y->planes; first += most)
        if (!build_step(executor, index, (LmPlanes){first, MIN(most, y->planes - first)}, error))
            return false;
    return true;
}

/* Byte range that an operator touches. */
typedef struct {
    VkDeviceSize begin, end;
    bool written;
} Access;

static unsigned accesses_of(const LmExecutor *executor, const LmOp *op, Access access[4])
{
    const LmTensorId ids[4] = {op->output, op->input, op->addend, op->gain};
    unsigned n = 0;
    for (int i = 0; i < 4; i++) {
        if (ids[i] == LM_NO_TENSOR)
            continue;
        VkDeviceSize offset, size;
        lm_executor_range(executor, ids[i], &offset, &size);
        access[n++] = (Access){offset, offset + size, i == 0};
    }
    return n;
}

VkDeviceSize lm_executor_op_bytes(const LmExecutor *executor, unsigned index)
{
    const Parameters *parameters = &executor->parameters[index];
    VkDeviceSize bytes = parameters->weights_size + parameters->bias_size;
    Access access[4];
    unsigned n = accesses_of(executor, lm_graph_op(executor->graph, index), access);
    for (unsigned i = 0; i < n; i++)
        bytes += access[i].end - access[i].begin;
    return bytes;
}

/* A step needs a barrier where it writes what a step since the last barrier touches, or touches
 * what one writes. */
static void place_barriers(LmExecutor *executor)
{
    g_autoptr(GArray) since = g_array_new(FALSE, FALSE, sizeof(Access));
    for (guint s = 0; s < executor->steps->len; s++) {
        Step *step = &g_array_index(executor->steps, Step, s);
        Access own[4];
        if (s > 0 && step->op == step[-1].op)
            continue; /* other planes of the same output */
        unsigned n = accesses_of(executor, lm_graph_op(executor->graph, step->op), own);
        bool conflict = false;
        for (guint i = 0; i < since->len && !conflict; i++) {
            const Access *other = &g_array_index(since, Access, i);
            for (unsigned k = 0; k < n; k++)
                conflict |= (own[k].written || other->written) && own[k].begin < other->end &&
                            other->begin < own[k].end;
        }
        step->barrier = conflict;
        if (conflict)
            g_array_set_size(since, 0);
        g_array_append_vals(since, own, n);
    }
}

static bool build_mask(LmExecutor *executor, GError **error)
{
    const LmTensor *logits = lm_graph_tensor(executor->graph, executor->graph->output);
    lm_dispatch_mask(logits, executor->variant, &executor->mask.dispatch);
    executor->mask.pipeline =
        lm_pipelines_get(executor->pipelines, executor->mask.dispatch.shader, executor->variant,
                         executor->mask.dispatch.spec, executor->mask.dispatch.n_spec, error);
    return executor->mask.pipeline != VK_NULL_HANDLE &&
           view_tensor(executor, executor->graph->output, 0, &executor->logits_view, error);
}

LmExecutor *lm_executor_create(LmPipelines *pipelines, const LmGraph *graph,
                               const LmExecutorParams *params, GError **error)
{
    LmExecutor *executor = g_new0(LmExecutor, 1);
    executor->pipelines = pipelines;
    executor->device = lm_pipelines_device(pipelines);
    executor->graph = graph;
    executor->variant =
        (params->fp16 ? LM_VARIANT_FP16 : 0u) |
        (executor->device->info.lanes8 && !params->portable ? LM_VARIANT_LANES8 : 0u);
    executor->max_storage_range =
        params->max_storage_range ? params->max_storage_range : VK_WHOLE_SIZE;
    executor->parameters = g_new0(Parameters, graph->ops->len);
    executor->steps = g_array_new(FALSE, FALSE, sizeof(Step));
    executor->views = g_array_new(FALSE, FALSE, sizeof(VkBufferView));
    lm_descriptors_init(&executor->descriptors, pipelines);

    if (!lm_buffer_init(&executor->arena, executor->device, LM_BUFFER_DEVICE,
                        graph->arena_texels * texel_bytes(executor), "arena", error) ||
        !upload_weights(executor, error) || !build_mask(executor, error))
        goto error;
    for (guint i = 0; i < graph->ops->len; i++)
        if (!build_op(executor, i, error))
            goto error;
    place_barriers(executor);
    return executor;
error:
    lm_executor_free(&executor);
    return NULL;
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
                                     const LmBuffer *to, GError **error)
{
    LmBindings bindings = {.inputs = {executor->logits_view},
                           .outputs = {{to->handle, 0, to->size}}};
    return lm_descriptors_add(descriptors, &bindings, error);
}

void lm_executor_record_mask(const LmExecutor *executor, LmCommands *commands, VkDescriptorSet set)
{
    record_step(executor, commands, &executor->mask, set, executor->mask.dispatch.groups);
}
