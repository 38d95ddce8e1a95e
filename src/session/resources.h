/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A session's resources on its device: a client of the engine, and the buffers and commands for one
 * frame layout. */
#pragma once

#include "exec/slot.h"
#include "session/engine.h"
#include "session/state.h"

G_BEGIN_DECLS

/** Zeroed: nothing. Only the worker uses it, except that a caller may upload to a slot while its
 * request is FILLING. */
typedef struct {
    LmEngineClient *client;
    LmPreprocess *preprocess;
    LmSlot slots[LM_STATE_MAX_SLOTS];
    LmBuffer history;     /**< Probabilities of the last smoothed frame, */
    bool has_history;     /**< if that was the last frame at all, */
    guint64 history_shot; /**< and its shot. */
} LmResources;

/** Makes `n` slots for a layout, and frees those of the layout before. No slot may be in use. */
bool lm_resources_set_layout(LmResources *resources, const LmEngine *engine, const LmLayout *layout,
                             unsigned n, GError **error);
/** Copies the frame's region to a slot. */
bool lm_resources_upload(LmResources *resources, unsigned slot, const LmFrame *frame,
                         GError **error);
/** Sends a slot to the device. */
bool lm_resources_submit(LmResources *resources, unsigned slot, double smoothing, guint64 shot,
                         GError **error);
/** Frees everything; waits for the device. If the device hangs, an orphaned thread does this.
 * device: the device's name. No slot may be FILLING. */
void lm_resources_give_back(LmResources *resources, bool hangs, const char *device);

G_END_DECLS
