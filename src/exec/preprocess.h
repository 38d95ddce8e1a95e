/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Converts a frame's region to the network's input on the device: colour, antialiased resize,
 * normalisation.
 *
 * region -> RGB (matrix, clamped to 0..1, not rounded) -> resize (triangle filter whose support
 * grows with the ratio, as Pillow's BILINEAR, with its rounding to 8 bits after each axis that is
 * resized) -> (value - mean) / std in the network's channel order -> the input tensor: one C4 plane
 * (see net/graph.h), channel 3 zero.
 */
#pragma once

#include "gpu/commands.h"
#include "gpu/descriptors.h"
#include "video/frame.h"

G_BEGIN_DECLS

typedef struct {
    LmFrameInfo frame;
    LmRect region;          /**< Inside the frame, at least 1 x 1. */
    int width, height;      /**< Of the network's input. */
    double mean[3], std[3]; /**< Of values in 0..1, in the network's channel order; no std is 0. */
    bool bgr;               /**< The network's channel order is blue, green, red. */
    bool fp16;              /**< The input tensor's precision. */
} LmPreprocessParams;

typedef struct LmPreprocess LmPreprocess;

/** Creates everything that depends on the frame's layout and not on the slot: filter tables,
 * intermediate buffers, pipelines. Returns NULL with LM_ERROR_ARGUMENT for an impossible frame
 * layout or region, else with LM_ERROR_VULKAN and the like. Waits for the device (to copy the
 * tables). `pipelines` must outlive it. */
LmPreprocess *lm_preprocess_create(LmPipelines *pipelines, const LmPreprocessParams *params,
                                   GError **error);
/** The device must be done with all recorded commands. */
void lm_preprocess_free(LmPreprocess **preprocess);

/** Bytes of an upload buffer: the region's rows of every plane, packed. */
VkDeviceSize lm_preprocess_upload_size(const LmPreprocess *preprocess);
/** Copies the region of `frame` (whose info must equal params->frame) to an upload buffer's map.
 * Any thread may call it. The caller then calls lm_buffer_flush(). */
void lm_preprocess_upload(const LmPreprocess *preprocess, const LmFrame *frame, void *map);
/** Records the passes from `upload` to the tensor at [offset, offset + size) of `arena`. They write
 * its plane and zero texel, (width * height + 1) texels. Begins and ends with
 * lm_commands_barrier(), so that the commands of several slots can go to one queue without waits in
 * between. The descriptor sets live in `descriptors`, views in `views` (an array of VkBufferView
 * that the caller destroys). One thread at a time. */
bool lm_preprocess_record(LmPreprocess *preprocess, LmCommands *commands,
                          LmDescriptors *descriptors, GArray *views, const LmBuffer *upload,
                          const LmBuffer *arena, VkDeviceSize offset, VkDeviceSize size,
                          GError **error);

G_END_DECLS
