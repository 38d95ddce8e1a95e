/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Registers the elements, for the plugin file and for programs that link them. */
#include "gstlmelements.h"

#include "gstendoscopytestsrc.h"
#include "gstlmmeta.h"
#include "gstlmnet.h"
#include "gstlmnetmask.h"
#include "gstlmnetoverlay.h"

gboolean gst_lm_elements_register(GstPlugin *plugin)
{
    gst_lm_meta_register();
    return GST_ELEMENT_REGISTER(lmnet, plugin) && GST_ELEMENT_REGISTER(lmnetoverlay, plugin) &&
           GST_ELEMENT_REGISTER(lmnetmask, plugin) &&
           GST_ELEMENT_REGISTER(endoscopytestsrc, plugin);
}
