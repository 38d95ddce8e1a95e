/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The error domain of all code below the plugin. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Errors, grouped by how a caller can react. */
typedef enum {
    LM_ERROR_FILE,     /**< A file cannot be opened or read. */
    LM_ERROR_MODEL,    /**< A model file's content is invalid. */
    LM_ERROR_ARGUMENT, /**< A setting or frame layout is impossible. */
    LM_ERROR_DEVICE,   /**< No Vulkan driver, no such device, or a device that lacks a required
                            feature. */
    LM_ERROR_VULKAN,   /**< A Vulkan call failed otherwise. */
    LM_ERROR_LOST,     /**< The device was lost; it must be created again. */
    LM_ERROR_TIMEOUT,  /**< The device did not finish in time. */
    LM_ERROR_MEMORY,   /**< Host or device memory is exhausted. */
} LmErrorCode;

#define LM_ERROR (lm_error_quark())
GQuark lm_error_quark(void);

G_END_DECLS
