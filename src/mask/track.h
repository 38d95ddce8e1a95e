/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Findings over time: which finding of this mask is which of the last, and when one may be said to
 * have come or gone.
 *
 * A finding is that of an earlier mask whose box it overlaps most, of the same class. It enters
 * once it was seen in two masks LM_TRACK_ENTER_NS apart, and leaves once two masks
 * LM_TRACK_LEAVE_NS apart lack it, but not before it has been in for LM_TRACK_ON_NS. What is drawn
 * does not depend on any of this. */
#pragma once

#include "mask/findings.h"

G_BEGIN_DECLS

#define LM_TRACK_ENTER_NS G_GINT64_CONSTANT(100000000)
#define LM_TRACK_LEAVE_NS G_GINT64_CONSTANT(300000000)
#define LM_TRACK_ON_NS G_GINT64_CONSTANT(1000000000)
/** Findings that are followed: the largest. Further ones get a new number each time. */
#define LM_TRACK_MAX 64

typedef enum { LM_TRACK_ENTER, LM_TRACK_LEAVE } LmTrackEvent;

/** Called while a tracker is updated; the finding, as it was last seen, is borrowed. */
typedef void (*LmTrackFunc)(void *user, LmTrackEvent event, const LmFinding *finding);

typedef struct {
    LmFinding finding;    /**< As last seen. */
    gint64 first, last;   /**< When it was seen, ns. */
    gint64 entered;       /**< Where confirmed. */
    gint64 missing_since; /**< Since when it has not been seen; where is_missing. */
    bool confirmed, is_missing;
    bool seen; /**< In the mask at hand. */
} LmTrack;

/** Zeroed: nothing has been seen. One thread at a time. */
typedef struct {
    LmTrack tracks[LM_TRACK_MAX];
    unsigned n;
    unsigned last_id; /**< Numbers are given once, until the tracker is zeroed. */
} LmTracker;

/** Gives the findings of the next mask their lasting numbers, and reports those that enter and
 * leave. time: ns, of the frame that the mask is of, not falling; the same time again is the same
 * frame, looked at anew. func may be NULL. */
void lm_tracker_update(LmTracker *tracker, LmFindings *findings, gint64 time, LmTrackFunc func,
                       void *user);
/** Forgets all findings, as after a cut; those that are in leave. */
void lm_tracker_clear(LmTracker *tracker, LmTrackFunc func, void *user);

G_END_DECLS
