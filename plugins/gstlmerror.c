/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Maps errors to GStreamer's domains and codes, and posts them. */
#include "gstlmerror.h"

#include "util/error.h"

void gst_lm_error_get_code(const GError *error, GQuark *domain, gint *code)
{
    *domain = GST_RESOURCE_ERROR;
    *code = GST_RESOURCE_ERROR_FAILED;
    switch (error->domain == LM_ERROR ? (LmErrorCode)error->code : LM_ERROR_VULKAN) {
    case LM_ERROR_FILE:
        *code = GST_RESOURCE_ERROR_OPEN_READ;
        break;
    case LM_ERROR_MODEL:
        *code = GST_RESOURCE_ERROR_READ;
        break;
    case LM_ERROR_ARGUMENT:
        *code = GST_RESOURCE_ERROR_SETTINGS;
        break;
    case LM_ERROR_DEVICE:
        *code = GST_RESOURCE_ERROR_NOT_FOUND;
        break;
    case LM_ERROR_TIMEOUT:
        *code = GST_RESOURCE_ERROR_BUSY;
        break;
    case LM_ERROR_MEMORY:
        *code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
        break;
    case LM_ERROR_LOST:
        break;
    case LM_ERROR_VULKAN:
        *domain = GST_LIBRARY_ERROR;
        *code = GST_LIBRARY_ERROR_FAILED;
        break;
    }
}

void gst_lm_error_post(GstElement *element, GstMessageType type, const char *text,
                       const GError *error)
{
    GQuark domain;
    gint code;
    gst_lm_error_get_code(error, &domain, &code);
    gst_element_message_full(element, type, domain, code,
                             text ? g_strdup_printf("%s %s", text, error->message)
                                  : g_strdup(error->message),
                             NULL, __FILE__, G_STRFUNC, __LINE__);
}

void gst_lm_error_refuse_property(GstElement *element, const GParamSpec *pspec)
{
    GST_ELEMENT_WARNING(element, RESOURCE, SETTINGS,
                        ("Property %s changes in READY or below only.", pspec->name), (NULL));
}
