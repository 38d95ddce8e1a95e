/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Records, submits and awaits command buffers. */
#include "gpu/commands.h"

#include "gpu/check.h"
#include "util/error.h"

static bool create_objects(LmCommands *commands, unsigned max_timestamps, GError **error)
{
    LmDevice *device = commands->device;
    if (!LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkCreateCommandPool, device->handle,
                     &(VkCommandPoolCreateInfo){
                         .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                         .queueFamilyIndex = device->queue_family,
                     },
                     NULL, &commands->pool))
        return false;
    if (!LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkAllocateCommandBuffers, device->handle,
                     &(VkCommandBufferAllocateInfo){
                         .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                         .commandPool = commands->pool,
                         .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                         .commandBufferCount = 1,
                     },
                     &commands->handle))
        return false;
    if (!LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkCreateFence, device->handle,
                     &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                     &commands->fence))
        return false;
    if (max_timestamps == 0 || device->timestamp_period == 0)
        return true;
    bool ok = LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkCreateQueryPool, device->handle,
                          &(VkQueryPoolCreateInfo){
                              .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                              .queryType = VK_QUERY_TYPE_TIMESTAMP,
                              .queryCount = max_timestamps,
                          },
                          NULL, &commands->queries);
    commands->n_queries = max_timestamps;
    return ok;
}

bool lm_commands_init(LmCommands *commands, LmDevice *device, unsigned max_timestamps,
                      const char *name, GError **error)
{
    *commands = (LmCommands){.device = device};
    if (!create_objects(commands, max_timestamps, error)) {
        g_prefix_error(error, "commands \"%s\": ", name);
        lm_commands_finish(commands);
        return false;
    }
    lm_device_name(device, VK_OBJECT_TYPE_COMMAND_POOL, (guint64)commands->pool, "%s", name);
    lm_device_name(device, VK_OBJECT_TYPE_COMMAND_BUFFER, (guint64)(guintptr)commands->handle, "%s",
                   name);
    lm_device_name(device, VK_OBJECT_TYPE_FENCE, (guint64)commands->fence, "%s", name);
    if (commands->queries)
        lm_device_name(device, VK_OBJECT_TYPE_QUERY_POOL, (guint64)commands->queries, "%s", name);
    return true;
}

void lm_commands_finish(LmCommands *commands)
{
    if (commands->device) {
        VkDevice device = commands->device->handle;
        if (commands->pending) {
            lm_fault_stalls(UINT64_MAX);
            /* Returns at once on a lost device. A device whose loss was only injected still
             * works. */
            vkWaitForFences(device, 1, &commands->fence, VK_TRUE, UINT64_MAX);
        }
        vkDestroyQueryPool(device, commands->queries, NULL);
        vkDestroyFence(device, commands->fence, NULL);
        vkDestroyCommandPool(device, commands->pool, NULL);
    }
    *commands = (LmCommands){0};
}

bool lm_commands_begin(LmCommands *commands, GError **error)
{
    g_assert(!commands->pending);
    if (!LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkResetCommandPool, commands->device->handle,
                     commands->pool, 0))
        return false;
    if (!LM_VK_CHECK(
            LM_FAULT_COMMANDS, error, vkBeginCommandBuffer, commands->handle,
            &(VkCommandBufferBeginInfo){.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO}))
        return false;
    commands->n_written = 0;
    if (commands->queries)
        vkCmdResetQueryPool(commands->handle, commands->queries, 0, commands->n_queries);
    return true;
}

bool lm_commands_end(LmCommands *commands, GError **error)
{
    return LM_VK_CHECK(LM_FAULT_COMMANDS, error, vkEndCommandBuffer, commands->handle);
}

void lm_commands_dispatch(LmCommands *commands, VkPipelineLayout layout, VkPipeline pipeline,
                          VkDescriptorSet set, const void *push, unsigned push_size,
                          const guint32 groups[3])
{
    g_assert(push_size % 4 == 0 && push_size <= LM_PUSH_BYTES);
    for (unsigned i = 0; i < 3; i++)
        g_assert(groups[i] <= commands->device->limits.maxComputeWorkGroupCount[i]);
    vkCmdBindPipeline(commands->handle, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vkCmdBindDescriptorSets(commands->handle, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &set, 0,
                            NULL);
    if (push_size > 0)
        vkCmdPushConstants(commands->handle, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size,
                           push);
    vkCmdDispatch(commands->handle, groups[0], groups[1], groups[2]);
}

static void barrier(LmCommands *commands, VkPipelineStageFlags to, VkAccessFlags access)
{
    vkCmdPipelineBarrier(
        commands->handle, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, to,
        0, 1,
        &(VkMemoryBarrier){
            .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
            .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            .dstAccessMask = access,
        },
        0, NULL, 0, NULL);
}

void lm_commands_barrier(LmCommands *commands)
{
    barrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                VK_ACCESS_TRANSFER_WRITE_BIT);
}

void lm_commands_barrier_to_host(LmCommands *commands)
{
    barrier(commands, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
}

void lm_commands_copy(LmCommands *commands, const LmBuffer *from, VkDeviceSize from_offset,
                      const LmBuffer *to, VkDeviceSize to_offset, VkDeviceSize size)
{
    g_assert(from_offset <= from->size && size <= from->size - from_offset);
    g_assert(to_offset <= to->size && size <= to->size - to_offset);
    vkCmdCopyBuffer(commands->handle, from->handle, to->handle, 1,
                    &(VkBufferCopy){from_offset, to_offset, size});
}

void lm_commands_timestamp(LmCommands *commands)
{
    if (!commands->queries)
        return;
    g_assert(commands->n_written < commands->n_queries);
    vkCmdWriteTimestamp(commands->handle, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, commands->queries,
                        commands->n_written++);
}

bool lm_commands_submit(LmCommands *commands, GError **error)
{
    g_assert(!commands->pending);
    LmDevice *device = commands->device;
    if (!LM_VK_CHECK(LM_FAULT_SUBMIT, error, vkResetFences, device->handle, 1, &commands->fence))
        return false;
    lm_device_lock_queue(device);
    bool ok = LM_VK_CHECK(LM_FAULT_SUBMIT, error, vkQueueSubmit, device->queue, 1,
                          &(VkSubmitInfo){
                              .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                              .commandBufferCount = 1,
                              .pCommandBuffers = &commands->handle,
                          },
                          commands->fence);
    lm_device_unlock_queue(device);
    commands->pending = ok;
    return ok;
}

bool lm_commands_wait(LmCommands *commands, guint64 timeout_ns, GError **error)
{
    if (!commands->pending)
        return true;
    VkResult result = VK_TIMEOUT;
    if (!lm_fault_stalls(timeout_ns))
        result = LM_VK(LM_FAULT_WAIT, vkWaitForFences(commands->device->handle, 1, &commands->fence,
                                                      VK_TRUE, timeout_ns));
    if (result == VK_TIMEOUT) {
        g_set_error(error, LM_ERROR, LM_ERROR_TIMEOUT,
                    "%s did not finish within %" G_GUINT64_FORMAT " ms",
                    commands->device->info.name, timeout_ns / 1000000);
        return false;
    }
    commands->pending = result != VK_SUCCESS;
    return lm_vk_check(result, "vkWaitForFences", error);
}

unsigned lm_commands_timestamps(LmCommands *commands, guint64 *ns, unsigned max)
{
    const LmDevice *device = commands->device;
    unsigned n = MIN(commands->n_written, max);
    if (n == 0 || commands->pending ||
        vkGetQueryPoolResults(device->handle, commands->queries, 0, n, n * sizeof *ns, ns,
                              sizeof *ns, VK_QUERY_RESULT_64_BIT) != VK_SUCCESS)
        return 0;
    guint64 first = ns[0];
    guint64 mask = G_MAXUINT64 >> (64 - device->timestamp_bits);
    for (unsigned i = 0; i < n; i++)
        ns[i] = (guint64)((double)((ns[i] - first) & mask) * (double)device->timestamp_period);
    return n;
}

bool lm_commands_transfer(LmDevice *device, const LmBuffer *from, VkDeviceSize from_offset,
                          const LmBuffer *to, VkDeviceSize to_offset, VkDeviceSize size,
                          GError **error)
{
    LmCommands commands = {0};
    bool ok = lm_commands_init(&commands, device, 0, "transfer", error) &&
              lm_commands_begin(&commands, error);
    if (ok) {
        lm_commands_copy(&commands, from, from_offset, to, to_offset, size);
        lm_commands_barrier(&commands);
        lm_commands_barrier_to_host(&commands);
        ok = lm_commands_end(&commands, error) && lm_commands_submit(&commands, error) &&
             lm_commands_wait(&commands, UINT64_MAX, error);
    }
    lm_commands_finish(&commands);
    return ok;
}
