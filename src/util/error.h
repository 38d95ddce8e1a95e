/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one error domain of everything below the plugin. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What went wrong, by what a caller can do about it. */
typedef enum {
    LM_ERROR_FILE,     /**< A file cannot be opened or read. */
    LM_ERROR_MODEL,    /**< A model file's content is not what it must be. */
    LM_ERROR_ARGUMENT, /**< A setting or frame layout is impossible. */
    LM_ERROR_DEVICE,   /**< No Vulkan driver, no such device, or one that lacks what is needed. */
    LM_ERROR_VULKAN,   /**< A Vulkan call failed otherwise. */
    LM_ERROR_LOST,     /**< The device was lost; it must be created anew. */
    LM_ERROR_TIMEOUT,  /**< The device did not finish in time. */
    LM_ERROR_MEMORY,   /**< Host or device memory is exhausted. */
} LmErrorCode;

#define LM_ERROR (lm_error_quark())
GQuark lm_error_quark(void);

G_END_DECLS
