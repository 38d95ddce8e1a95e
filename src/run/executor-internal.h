/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The executor's insides, shared by its recording and its testing side. */
#pragma once

#include "run/dispatch.h"
#include "run/executor.h"

/* One operator, or as many planes of its output as a device can write to at once, ready to be
 * dispatched. */
typedef struct {
    guint op;  /* index in the graph */
    bool last; /* of the operator's steps */
    LmDispatch dispatch;
    VkPipeline pipeline; /* owned by the LmPipelines */
    VkDescriptorSet set; /* owned by the executor's descriptors */
    bool barrier;        /* one is needed before it */
} Step;

/* Where an operator's weights and biases lie in the weights buffer. */
typedef struct {
    VkDeviceSize weights_offset, weights_size, bias_offset, bias_size;
} Parameters;

struct LmExecutor {
    LmPipelines *pipelines; /* not owned, as device and graph */
    LmDevice *device;
    const LmGraph *graph;
    unsigned variant;
    VkDeviceSize max_storage_range;
    LmBuffer arena, weights;
    LmDescriptors descriptors;
    GArray *views;          /* VkBufferView, owned */
    Parameters *parameters; /* one an operator */
    GArray *steps;          /* Step, in the graph's order */
    Step mask;
    VkBufferView logits_view; /* owned by `views` */
};
