/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The executor's private data, shared by its parts: recording, weights, and access for tests. */
#pragma once

#include "exec/dispatch.h"
#include "exec/executor.h"
#include "exec/kernel.h"

/* Largest alignment that Vulkan lets a device ask of views and storage ranges. */
#define ALIGNMENT 256
/* Mesa's llvmpipe compiles a shader again for each new kind of view, and treats views whose size in
 * bytes has a zero second byte as another kind: half of all compiling was for biases of less than
 * 256 bytes. So such views, except those of tensors, extend this many bytes into the data after
 * them. */
#define VIEW_SLACK 256

/* Byte range of the arena that a step touches. */
typedef struct {
    VkDeviceSize begin, end;
    bool written;
} Access;

#define MAX_ACCESSES 4

/* An operator, ready to be dispatched; or a part of it: as many output planes as a device can write
 * at once, or one part of its algorithm. */
typedef struct {
    guint op;  /* index in the graph */
    bool last; /* the last of the operator's steps */
    LmDispatch dispatch;
    VkPipeline pipeline; /* owned by the LmPipelines */
    VkDescriptorSet set; /* owned by the executor's descriptors */
    Access accesses[MAX_ACCESSES];
    unsigned n_accesses;
    bool barrier; /* it needs a barrier before it */
} Step;

/* The place of an operator's weights and biases in the weights buffer. */
typedef struct {
    VkDeviceSize weights_offset, weights_size, bias_offset, bias_size;
    VkDeviceSize squeeze_excite_offset, squeeze_excite_size; /* of a SQUEEZE_EXCITE merged into
                                                                it */
} Parameters;

struct LmExecutor {
    LmPipelines *pipelines; /* not owned, nor are device and graph */
    LmDevice *device;
    const LmGraph *graph;
    unsigned variant;
    VkDeviceSize max_storage_range;
    LmBuffer arena, weights;
    VkDeviceSize scratch; /* offset in the arena, after the tensors, of intermediate values between
                             an operator's steps */
    LmDescriptors descriptors;
    GArray *views;          /* VkBufferView, owned */
    LmKernel *kernels;      /* one an operator, in the graph's order */
    Parameters *parameters; /* likewise */
    GArray *steps;          /* Step, in the graph's order */
    Step mask;
    VkBufferView logits_view; /* owned by `views` */
};

static inline VkDeviceSize align(VkDeviceSize size)
{
    return lm_round_up(size, ALIGNMENT);
}

static inline VkDeviceSize texel_bytes(const LmExecutor *executor)
{
    return executor->variant & LM_VARIANT_FP16 ? 8 : 16;
}

/* Byte range of a tensor in the arena. */
static inline VkDescriptorBufferInfo tensor_range(const LmExecutor *executor, LmTensorId id)
{
    const LmTensor *tensor = lm_graph_tensor(executor->graph, id);
    return (VkDescriptorBufferInfo){executor->arena.handle, tensor->offset * texel_bytes(executor),
                                    (VkDeviceSize)tensor->planes * lm_tensor_plane_stride(tensor) *
                                        texel_bytes(executor)};
}
