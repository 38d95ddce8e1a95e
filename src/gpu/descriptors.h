/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Descriptor sets for dispatches. */
#pragma once

#include "gpu/pipeline.h"

G_BEGIN_DECLS

/** Descriptor sets of the one layout, from a pool that grows as needed. Zeroed: not yet usable. */
typedef struct {
    LmDevice *device;
    VkDescriptorSetLayout layout;
    GPtrArray *pools;
    unsigned left;
} LmDescriptors;

/** One dispatch's resources; unused ones are zero. */
typedef struct {
    VkBufferView inputs[LM_MAX_INPUTS];
    VkBufferView weights, bias;
    VkDescriptorBufferInfo outputs[LM_MAX_OUTPUTS];
} LmBindings;

void lm_descriptors_init(LmDescriptors *descriptors, LmPipelines *pipelines);
void lm_descriptors_finish(LmDescriptors *descriptors);
/** A new set, written; lives until finish. */
VkDescriptorSet lm_descriptors_add(LmDescriptors *descriptors, const LmBindings *bindings,
                                   GError **error);

G_END_DECLS
