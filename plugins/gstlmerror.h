/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Posts errors of the layers below on the bus, each with a GStreamer code of its own. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/** The GStreamer domain and code of an error. Each LmErrorCode has a pair of its own; errors of
 * other domains count as LM_ERROR_VULKAN. */
void gst_lm_error_get_code(const GError *error, GQuark *domain, gint *code);

/** Posts a message of `type` (error or warning): `text`, which may be NULL, and the error's own
 * message after it. Any thread, without locks. */
void gst_lm_error_post(GstElement *element, GstMessageType type, const char *text,
                       const GError *error);

/** Warns that a property changes in READY or below only. Any thread, without locks. */
void gst_lm_error_refuse_property(GstElement *element, const GParamSpec *pspec);

G_END_DECLS
