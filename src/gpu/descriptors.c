/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Allocates and writes descriptor sets, from as many pools as they need. */
#include "gpu/descriptors.h"

#include "gpu/check.h"
#include "util/error.h"

#define SETS_PER_POOL 64

void lm_descriptors_init(LmDescriptors *descriptors, LmPipelines *pipelines)
{
    *descriptors = (LmDescriptors){
        .device = lm_pipelines_device(pipelines),
        .layout = lm_pipelines_set_layout(pipelines),
        .pools = g_ptr_array_new_with_free_func(g_free),
    };
}

void lm_descriptors_finish(LmDescriptors *descriptors)
{
    for (guint i = 0; descriptors->pools && i < descriptors->pools->len; i++) {
        const VkDescriptorPool *pool = descriptors->pools->pdata[i];
        vkDestroyDescriptorPool(descriptors->device->handle, *pool, NULL);
    }
    g_clear_pointer(&descriptors->pools, g_ptr_array_unref);
    *descriptors = (LmDescriptors){0};
}

static bool add_pool(LmDescriptors *descriptors, GError **error)
{
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, SETS_PER_POOL * LM_BINDING_OUTPUT},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * LM_MAX_OUTPUTS},
    };
    VkDescriptorPool pool;
    if (!LM_VK_CHECK(LM_FAULT_DESCRIPTORS, error, vkCreateDescriptorPool,
                     descriptors->device->handle,
                     &(VkDescriptorPoolCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                         .maxSets = SETS_PER_POOL,
                         .poolSizeCount = G_N_ELEMENTS(sizes),
                         .pPoolSizes = sizes,
                     },
                     NULL, &pool))
        return false;
    lm_device_name(descriptors->device, VK_OBJECT_TYPE_DESCRIPTOR_POOL, (guint64)pool,
                   "descriptors %u", descriptors->pools->len);
    g_ptr_array_add(descriptors->pools, g_memdup2(&pool, sizeof pool));
    descriptors->left = SETS_PER_POOL;
    return true;
}

static void write_set(LmDescriptors *descriptors, VkDescriptorSet set, const LmBindings *bindings)
{
    VkWriteDescriptorSet writes[LM_N_BINDINGS];
    unsigned n = 0;
    for (unsigned i = 0; i < LM_N_BINDINGS; i++) {
        VkWriteDescriptorSet write = {
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = i,
            .descriptorCount = 1,
        };
        if (i >= LM_BINDING_OUTPUT) {
            const VkDescriptorBufferInfo *output = &bindings->outputs[i - LM_BINDING_OUTPUT];
            write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
            write.pBufferInfo = output->buffer ? output : NULL;
        } else {
            const VkBufferView *view = i == LM_BINDING_WEIGHTS ? &bindings->weights
                                       : i == LM_BINDING_BIAS  ? &bindings->bias
                                                               : &bindings->inputs[i];
            write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
            write.pTexelBufferView = *view ? view : NULL;
        }
        if (write.pBufferInfo || write.pTexelBufferView)
            writes[n++] = write;
    }
    vkUpdateDescriptorSets(descriptors->device->handle, n, writes, 0, NULL);
}

VkDescriptorSet lm_descriptors_add(LmDescriptors *descriptors, const LmBindings *bindings,
                                   GError **error)
{
    const LmDevice *device = descriptors->device;
    for (unsigned i = 0; i < LM_MAX_OUTPUTS; i++) {
        const VkDescriptorBufferInfo *output = &bindings->outputs[i];
        if (!output->buffer)
            continue;
        g_assert(output->range != VK_WHOLE_SIZE && output->range > 0);
        g_assert(output->offset % device->min_offset_alignment == 0);
        if (output->range > device->limits.maxStorageBufferRange) {
            g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                        "an output of %" G_GUINT64_FORMAT
                        " bytes; %s can write to %u (maxStorageBufferRange)",
                        output->range, device->info.name, device->limits.maxStorageBufferRange);
            return VK_NULL_HANDLE;
        }
    }
    if (descriptors->left == 0 && !add_pool(descriptors, error))
        return VK_NULL_HANDLE;
    const VkDescriptorPool *pool = descriptors->pools->pdata[descriptors->pools->len - 1];
    VkDescriptorSet set = VK_NULL_HANDLE;
    if (!LM_VK_CHECK(LM_FAULT_DESCRIPTORS, error, vkAllocateDescriptorSets, device->handle,
                     &(VkDescriptorSetAllocateInfo){
                         .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                         .descriptorPool = *pool,
                         .descriptorSetCount = 1,
                         .pSetLayouts = &descriptors->layout,
                     },
                     &set))
        return VK_NULL_HANDLE;
    descriptors->left--;
    write_set(descriptors, set, bindings);
    return set;
}
