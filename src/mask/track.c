/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matching of findings from mask to mask, greedily, the largest overlap first. */
#include "mask/track.h"

static gint64 overlap(const LmFinding *a, const LmFinding *b)
{
    if (a->class_index != b->class_index)
        return 0;
    LmRect both = lm_rect_clip(a->box, b->box);
    return (gint64)both.width * both.height;
}

static void report(const LmTrack *track, LmTrackEvent event, LmTrackFunc func, void *user)
{
    if (func)
        func(user, event, &track->finding);
}

/* The largest remaining overlap of a track not yet seen and a finding without a number. */
static bool best_pair(LmTracker *tracker, LmFindings *findings, unsigned n, LmTrack **track,
                      LmFinding **finding)
{
    gint64 best = 0;
    for (unsigned i = 0; i < tracker->n; i++) {
        for (unsigned j = 0; j < n && !tracker->tracks[i].seen; j++) {
            gint64 area = findings->items[j].id
                              ? 0
                              : overlap(&tracker->tracks[i].finding, &findings->items[j]);
            if (area > best) {
                best = area;
                *track = &tracker->tracks[i];
                *finding = &findings->items[j];
            }
        }
    }
    return best > 0;
}

static void see(LmTrack *track, LmFinding *finding, gint64 time, LmTrackFunc func, void *user)
{
    finding->id = track->finding.id;
    track->finding = *finding;
    track->last = time;
    track->seen = true;
    track->is_missing = false;
    if (!track->confirmed && time - track->first >= LM_TRACK_ENTER_NS) {
        track->confirmed = true;
        track->entered = time;
        report(track, LM_TRACK_ENTER, func, user);
    }
}

/* Returns true if a finding that is missing in this mask has left. */
static bool is_gone(LmTrack *track, gint64 time)
{
    if (!track->is_missing) {
        track->is_missing = true;
        track->missing_since = time;
    }
    return time - track->missing_since >= LM_TRACK_LEAVE_NS &&
           (!track->confirmed || time - track->entered >= LM_TRACK_ON_NS);
}

static void drop_gone(LmTracker *tracker, gint64 time, LmTrackFunc func, void *user)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < tracker->n; i++) {
        LmTrack *track = &tracker->tracks[i];
        if (track->seen || !is_gone(track, time))
            tracker->tracks[kept++] = *track;
        else if (track->confirmed)
            report(track, LM_TRACK_LEAVE, func, user);
    }
    tracker->n = kept;
}

/* Adds a track; if there is no room, it replaces the one not seen for the longest time. */
static void begin(LmTracker *tracker, const LmFinding *finding, gint64 time, LmTrackFunc func,
                  void *user)
{
    LmTrack *track = &tracker->tracks[0];
    if (tracker->n < LM_TRACK_MAX) {
        track = &tracker->tracks[tracker->n++];
    } else {
        for (unsigned i = 1; i < tracker->n; i++)
            if (tracker->tracks[i].last < track->last)
                track = &tracker->tracks[i];
        if (track->confirmed)
            report(track, LM_TRACK_LEAVE, func, user);
    }
    *track = (LmTrack){.finding = *finding, .first = time, .last = time, .seen = true};
}

void lm_tracker_update(LmTracker *tracker, LmFindings *findings, gint64 time, LmTrackFunc func,
                       void *user)
{
    const unsigned n = MIN(findings->n, LM_TRACK_MAX);
    LmTrack *track;
    LmFinding *finding;
    for (unsigned i = 0; i < findings->n; i++)
        findings->items[i].id = 0;
    for (unsigned i = 0; i < tracker->n; i++)
        tracker->tracks[i].seen = false;
    while (best_pair(tracker, findings, n, &track, &finding))
        see(track, finding, time, func, user);
    drop_gone(tracker, time, func, user);
    for (unsigned i = 0; i < findings->n; i++) {
        if (findings->items[i].id)
            continue;
        findings->items[i].id = ++tracker->last_id;
        if (i < n)
            begin(tracker, &findings->items[i], time, func, user);
    }
}

void lm_tracker_clear(LmTracker *tracker, LmTrackFunc func, void *user)
{
    for (unsigned i = 0; i < tracker->n; i++)
        if (tracker->tracks[i].confirmed)
            report(&tracker->tracks[i], LM_TRACK_LEAVE, func, user);
    tracker->n = 0;
}
