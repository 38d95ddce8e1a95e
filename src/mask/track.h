/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Follows findings over time: matches those of this mask to those of earlier ones, and decides when
 * a finding enters or leaves.
 *
 * A finding matches the earlier one of the same class whose box it overlaps most. It enters once it
 * has been seen in two masks LM_TRACK_ENTER_NS apart. It leaves once it is missing in two masks
 * LM_TRACK_LEAVE_NS apart, but not before LM_TRACK_ON_NS have passed since it entered. The drawing
 * does not depend on any of this. */
#pragma once

#include "mask/findings.h"

G_BEGIN_DECLS

#define LM_TRACK_ENTER_NS G_GINT64_CONSTANT(100000000)
#define LM_TRACK_LEAVE_NS G_GINT64_CONSTANT(300000000)
#define LM_TRACK_ON_NS G_GINT64_CONSTANT(1000000000)
/** Only the largest findings are tracked, up to this number. Others get a new number each time. */
#define LM_TRACK_MAX 64

typedef enum { LM_TRACK_ENTER, LM_TRACK_LEAVE } LmTrackEvent;

/** Called while a tracker is updated; the finding, as it was last seen, is borrowed. */
typedef void (*LmTrackFunc)(void *user, LmTrackEvent event, const LmFinding *finding);

typedef struct {
    LmFinding finding;    /**< As last seen. */
    gint64 first, last;   /**< When it was seen, ns. */
    gint64 entered;       /**< If `confirmed`: when it entered, ns. */
    gint64 missing_since; /**< If `is_missing`: since when, ns. */
    bool confirmed, is_missing;
    bool seen; /**< In the current mask. */
} LmTrack;

/** Zeroed: nothing has been seen. One thread at a time. */
typedef struct {
    LmTrack tracks[LM_TRACK_MAX];
    unsigned n;
    unsigned last_id; /**< Numbers are not reused until the tracker is zeroed. */
} LmTracker;

/** Gives the findings of the next mask their lasting ids, and reports those that enter and leave.
 * time: of the mask's frame, ns, never falling; the same time again is the same frame, analysed
 * again. func may be NULL. */
void lm_tracker_update(LmTracker *tracker, LmFindings *findings, gint64 time, LmTrackFunc func,
                       void *user);
/** Forgets all findings, as after a cut; those that have entered leave. */
void lm_tracker_clear(LmTracker *tracker, LmTrackFunc func, void *user);

G_END_DECLS
