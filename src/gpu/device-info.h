/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A device's properties before it is opened, for callers that do not use Vulkan. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** In order of rising preference. */
typedef enum {
    LM_DEVICE_OTHER,
    LM_DEVICE_CPU,
    LM_DEVICE_VIRTUAL,
    LM_DEVICE_INTEGRATED,
    LM_DEVICE_DISCRETE
} LmDeviceType;

/** Most invocations, and bytes of shared memory, of a workgroup of the `tiled` shader variants. */
#define LM_TILED_INVOCATIONS 256
#define LM_TILED_SHARED 32768

/** Properties of a physical device that is not open. */
typedef struct {
    char name[256];
    char driver[512]; /**< "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)" */
    char uuid[37];    /**< As 8-4-4-4-12 hexadecimal digits. */
    unsigned index;   /**< In the loader's order. */
    LmDeviceType type;
    bool native_fp16; /**< shaderFloat16: the device computes in half precision. */
    unsigned subgroup_size;
    bool lanes8; /**< Subgroups of 8 with shuffle in compute, and 64-bit integers: the `lanes8`
                    shader variants run. */
    bool tiled;  /**< Workgroups of LM_TILED_INVOCATIONS with LM_TILED_SHARED bytes to share: the
                    `tiled` shader variants run. */
    guint64 max_texel_elements; /**< maxTexelBufferElements. */
} LmDeviceInfo;

G_END_DECLS
