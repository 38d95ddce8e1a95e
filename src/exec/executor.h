/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A planned graph on a device: packed weights, arena, pipelines, and dispatches ready to record. */
#pragma once

#include "gpu/commands.h"
#include "gpu/descriptors.h"
#include "net/graph.h"

G_BEGIN_DECLS

/** Which 3x3 convolutions use Winograd's algorithm, if the device can run it. */
typedef enum {
    LM_WINOGRAD_WHERE_FASTER,
    LM_WINOGRAD_NEVER,
    LM_WINOGRAD_WHERE_POSSIBLE,
} LmWinogradUse;

/** Which devices get the tiled shaders, and the precision of their products if activations are
 * fp16. */
typedef enum {
    LM_TILED_WHERE_FASTER, /**< GPUs; integrated ones with half precision if they have it. */
    LM_TILED_SINGLE,       /**< All devices that can run them, even CPUs, with single precision. */
    LM_TILED_HALF,         /**< The same, with half precision if they have it. */
} LmTiledUse;

typedef struct {
    bool fp16;        /**< Store activations and weights as half floats. */
    bool portable;    /**< Do not use the lanes8 and tiled shaders, even if the device can run them;
                           for tests. */
    LmTiledUse tiled; /**< For tests. */
    LmWinogradUse winograd; /**< For tests. */
    /** Most bytes that one dispatch may write, if less than the device's limit; 0: that limit. For
     * tests. */
    VkDeviceSize max_storage_range;
} LmExecutorParams;

typedef struct LmExecutor LmExecutor;

/** The builds of the shaders (LmVariant bits) for a device with these settings. */
unsigned lm_executor_variant(const LmDeviceInfo *device, const LmExecutorParams *params);

/** Plans a graph again for a device and these settings, which lm_executor_create() must get, too:
 * fused and in steps for GPUs and for the tiled shaders; unchanged for others. */
void lm_executor_plan(LmGraph *graph, const LmDeviceInfo *device, const LmExecutorParams *params);

/** Neither `pipelines` nor `graph` is owned; both must outlive the executor. Slow: uploads weights,
 * makes pipelines. Returns NULL with an error; if the device cannot address a tensor, it names
 * tensor and limit. */
LmExecutor *lm_executor_create(LmPipelines *pipelines, const LmGraph *graph,
                               const LmExecutorParams *params, GError **error);
void lm_executor_free(LmExecutor **executor);

/** Runs one workgroup of each distinct pipeline, since drivers such as lavapipe compile at the
 * first submission. progress: called after each pipeline; may be NULL; if it returns false, the
 * warm-up stops, which is no error. Waits for the device. */
bool lm_executor_warm_up(LmExecutor *executor,
                         bool (*progress)(void *user, unsigned done, unsigned total), void *user,
                         GError **error);

/** The buffer of the graph's tensors. The caller writes the input before a pass and reads the
 * output after it. */
const LmBuffer *lm_executor_arena(const LmExecutor *executor);
/** Byte range of a tensor in the arena. */
void lm_executor_range(const LmExecutor *executor, LmTensorId tensor, VkDeviceSize *offset,
                       VkDeviceSize *size);

/** Records the whole graph, with a barrier before each operator that depends on one since the last
 * barrier. With `timestamps`, also records a timestamp before the first operator and after each. */
void lm_executor_record(const LmExecutor *executor, LmCommands *commands, bool timestamps);
/** The buffers of the softmax over the output, all from offset 0: a plane of height * width for
 * each class above background. */
typedef struct {
    const LmBuffer *to;        /**< round(255 p): bytes. */
    const LmBuffer *history;   /**< p of the frame before, then of this one: floats. */
    VkBufferView history_view; /**< A view of it, in texels of four floats. */
    VkBufferView smoothing;    /**< One such texel; its first number is the weight of history, 0..1.
                                    0: the history is not touched; below 0: there is none yet. */
} LmMaskBuffers;

/** A descriptor set for lm_executor_record_mask(), from `descriptors`. */
VkDescriptorSet lm_executor_mask_set(LmExecutor *executor, LmDescriptors *descriptors,
                                     const LmMaskBuffers *buffers, GError **error);
/** Records the softmax over the output. */
void lm_executor_record_mask(const LmExecutor *executor, LmCommands *commands, VkDescriptorSet set);

/** Dispatches of one pass: one for each operator; three for a convolution by Winograd's algorithm;
 * more if an output exceeds the device's maxStorageBufferRange. */
unsigned lm_executor_n_dispatches(const LmExecutor *executor);
/** Barriers of one pass, each of which waits for all dispatches before it. */
unsigned lm_executor_n_barriers(const LmExecutor *executor);
/** Bytes of the executor's buffers on the device: arena and weights. */
VkDeviceSize lm_executor_device_bytes(const LmExecutor *executor);
/** The least bytes that an operator of the graph reads and writes: each of its tensors, weights and
 * biases once. */
VkDeviceSize lm_executor_op_bytes(const LmExecutor *executor, unsigned op);

G_END_DECLS
