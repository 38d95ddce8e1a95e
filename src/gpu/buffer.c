/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Allocates buffers, maps them, and makes texel views of them. */
#include "gpu/buffer.h"

#include "gpu/check.h"
#include "util/error.h"

#include <stdatomic.h>

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    COHERENT = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    /* Types of memory for special purposes, some of which need a feature enabled. */
    SPECIAL = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT |
              VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
              VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD | VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV,
};

/* Best first; the last of each kind has the minimum that it needs. Vulkan lists types of equal
 * properties by performance. */
static const VkMemoryPropertyFlags preferred[][4] = {
    [LM_BUFFER_DEVICE] = {LOCAL, 0, 0, 0},
    [LM_BUFFER_UPLOAD] = {VISIBLE | COHERENT, VISIBLE, VISIBLE, VISIBLE},
    [LM_BUFFER_READBACK] = {VISIBLE | CACHED | COHERENT, VISIBLE | CACHED, VISIBLE | COHERENT,
                            VISIBLE},
};

static atomic_ullong total_bytes; /* of all buffers that have memory */

guint64 lm_buffer_total_bytes(void)
{
    return atomic_load(&total_bytes);
}

static bool find_memory_type(const LmDevice *device, LmBufferKind kind, guint32 allowed,
                             guint32 *type)
{
    for (unsigned rank = 0; rank < G_N_ELEMENTS(preferred[kind]); rank++) {
        for (guint32 i = 0; i < device->memory.memoryTypeCount; i++) {
            VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
            if (!(allowed >> i & 1) || (flags & SPECIAL) ||
                (flags & preferred[kind][rank]) != preferred[kind][rank])
                continue;
            *type = i;
            return true;
        }
    }
    return false;
}

static bool allocate(LmBuffer *buffer, LmBufferKind kind, GError **error)
{
    LmDevice *device = buffer->device;
    VkMemoryRequirements need;
    vkGetBufferMemoryRequirements(device->handle, buffer->handle, &need);
    guint32 type;
    if (!find_memory_type(device, kind, need.memoryTypeBits, &type)) {
        g_set_error(error, LM_ERROR, LM_ERROR_DEVICE, "%s has no type of memory for this buffer",
                    device->info.name);
        return false;
    }
    const VkMemoryType *found = &device->memory.memoryTypes[type];
    VkDeviceSize limit =
        MIN(device->max_allocation, device->memory.memoryHeaps[found->heapIndex].size);
    if (need.size > limit) {
        g_set_error(error, LM_ERROR, LM_ERROR_MEMORY,
                    "%" G_GUINT64_FORMAT " bytes are more than %s can allocate (%" G_GUINT64_FORMAT
                    ")",
                    need.size, device->info.name, limit);
        return false;
    }
    if (!LM_VK_CHECK(LM_FAULT_MEMORY, error, vkAllocateMemory, device->handle,
                     &(VkMemoryAllocateInfo){
                         .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                         .allocationSize = need.size,
                         .memoryTypeIndex = type,
                     },
                     NULL, &buffer->memory))
        return false;
    atomic_fetch_add(&total_bytes, buffer->size);
    buffer->coherent = found->propertyFlags & COHERENT;
    if (!LM_VK_CHECK(LM_FAULT_MEMORY, error, vkBindBufferMemory, device->handle, buffer->handle,
                     buffer->memory, 0))
        return false;
    if (kind == LM_BUFFER_DEVICE)
        return true;
    return LM_VK_CHECK(LM_FAULT_MAP, error, vkMapMemory, device->handle, buffer->memory, 0,
                       VK_WHOLE_SIZE, 0, &buffer->map);
}

bool lm_buffer_init(LmBuffer *buffer, LmDevice *device, LmBufferKind kind, VkDeviceSize size,
                    const char *name, GError **error)
{
    g_assert(size > 0);
    *buffer = (LmBuffer){.device = device, .size = size};
    if (!LM_VK_CHECK(LM_FAULT_BUFFER, error, vkCreateBuffer, device->handle,
                     &(VkBufferCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                         .size = size,
                         .usage = VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
                                  VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                  VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                  VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                         .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
                     },
                     NULL, &buffer->handle) ||
        !allocate(buffer, kind, error)) {
        g_prefix_error(error, "buffer \"%s\": ", name);
        lm_buffer_finish(buffer);
        return false;
    }
    lm_device_name(device, VK_OBJECT_TYPE_BUFFER, (guint64)buffer->handle, "%s", name);
    lm_device_name(device, VK_OBJECT_TYPE_DEVICE_MEMORY, (guint64)buffer->memory, "%s", name);
    return true;
}

void lm_buffer_finish(LmBuffer *buffer)
{
    if (buffer->device) {
        vkDestroyBuffer(buffer->device->handle, buffer->handle, NULL);
        vkFreeMemory(buffer->device->handle, buffer->memory, NULL); /* This unmaps the memory,
                                                                       too. */
        if (buffer->memory)
            atomic_fetch_sub(&total_bytes, buffer->size);
    }
    *buffer = (LmBuffer){0};
}

static VkMappedMemoryRange whole(const LmBuffer *buffer)
{
    g_assert(buffer->map);
    return (VkMappedMemoryRange){
        .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
        .memory = buffer->memory,
        .size = VK_WHOLE_SIZE,
    };
}

bool lm_buffer_flush(LmBuffer *buffer, GError **error)
{
    VkMappedMemoryRange range = whole(buffer);
    return buffer->coherent || LM_VK_CHECK(LM_FAULT_MAP, error, vkFlushMappedMemoryRanges,
                                           buffer->device->handle, 1, &range);
}

bool lm_buffer_invalidate(LmBuffer *buffer, GError **error)
{
    VkMappedMemoryRange range = whole(buffer);
    return buffer->coherent || LM_VK_CHECK(LM_FAULT_MAP, error, vkInvalidateMappedMemoryRanges,
                                           buffer->device->handle, 1, &range);
}

static unsigned format_bytes(VkFormat format)
{
    switch (format) {
    case VK_FORMAT_R8_UINT:
    case VK_FORMAT_R8_UNORM:
        return 1;
    case VK_FORMAT_R32_UINT:
    case VK_FORMAT_R32_SFLOAT:
    case VK_FORMAT_R8G8B8A8_UNORM:
        return 4;
    case VK_FORMAT_R16G16B16A16_SFLOAT:
        return 8;
    case VK_FORMAT_R32G32B32A32_SFLOAT:
    case VK_FORMAT_R32G32B32A32_UINT:
        return 16;
    default:
        g_assert_not_reached();
    }
}

VkBufferView lm_buffer_view(const LmBuffer *buffer, VkFormat format, VkDeviceSize offset,
                            VkDeviceSize size, const char *name, GError **error)
{
    const LmDevice *device = buffer->device;
    unsigned texel = format_bytes(format);
    g_assert(size > 0 && size % texel == 0);
    g_assert(offset % device->min_offset_alignment == 0);
    g_assert(offset <= buffer->size && size <= buffer->size - offset);
    if (size / texel > device->info.max_texel_elements) {
        g_set_error(error, LM_ERROR, LM_ERROR_DEVICE,
                    "\"%s\" has %" G_GUINT64_FORMAT " texels; %s can address %" G_GUINT64_FORMAT
                    " (maxTexelBufferElements)",
                    name, size / texel, device->info.name, device->info.max_texel_elements);
        return VK_NULL_HANDLE;
    }
    VkBufferView view = VK_NULL_HANDLE;
    if (!LM_VK_CHECK(LM_FAULT_BUFFER, error, vkCreateBufferView, device->handle,
                     &(VkBufferViewCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                         .buffer = buffer->handle,
                         .format = format,
                         .offset = offset,
                         .range = size,
                     },
                     NULL, &view)) {
        g_prefix_error(error, "view \"%s\": ", name);
        return VK_NULL_HANDLE;
    }
    lm_device_name(device, VK_OBJECT_TYPE_BUFFER_VIEW, (guint64)view, "%s", name);
    return view;
}
