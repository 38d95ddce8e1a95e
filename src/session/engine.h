/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A model on a device, shared by all sessions of the process that ask for the same one.
 *
 * An LmEngine is what a model file says, planned for a device: made once, for sessions of the same
 * file (and no newer one of that name), device, precision, network size and cache. What it takes on
 * the device (device, pipelines, packed weights, arena) is made when the first session opens it,
 * shared by those that do while it is there, and freed with the last one's client. Where the device
 * fails one of them it is broken for all: each gives back its client, and the next ones that open
 * the engine share a new making.
 *
 * Sessions record commands of their own; since each begins with a barrier, they may share the arena
 * on the device's one queue. They take turns: see lm_engine_client_may_submit().
 *
 * All functions are thread-safe; one client is one thread's.
 */
#pragma once

#include "exec/executor.h"
#include "model/weights.h"
#include "session/precision.h"

G_BEGIN_DECLS

/** What an engine is made for. */
typedef struct {
    const char *model;  /**< Path. */
    const char *device; /**< As lm_device_choose(); NULL: auto. */
    LmPrecision precision;
    int width, height;     /**< Of the network, as lm_network_build(). */
    const char *cache_dir; /**< As lm_pipelines_create(). */
} LmEngineParams;

/** Immutable for all but engine.c. */
typedef struct {
    LmWeights *weights;
    LmGraph *graph;
    LmDeviceInfo info;
    LmPrecision precision; /**< FP32 or FP16. */
    struct LmEnginePrivate *priv;
} LmEngine;

/** Finds one for these settings or makes one; reads the model file and chooses the device in either
 * case. NULL with an error. */
LmEngine *lm_engine_get(const LmEngineParams *params, GError **error);
void lm_engine_unref(LmEngine **engine);

/** A session's share of what is on the device. */
typedef struct {
    LmPipelines *pipelines; /**< Not owned. */
    LmExecutor *executor;   /**< Not owned. */
    struct LmEngineClientPrivate *priv;
} LmEngineClient;

/** Who waits for lm_engine_open(). */
typedef struct {
    /** What is done now, and how far of 100 percent it is. */
    void (*progress)(void *user, const char *what, int percent);
    /** Whether to give up; asked now and then. */
    bool (*cancelled)(void *user);
    void *user;
} LmEngineWaiter;

/** Makes what the engine takes on the device, or waits for another session that does, or finds it
 * made. Slow. NULL with an error, or without one where cancelled. */
LmEngineClient *lm_engine_open(LmEngine *engine, const LmEngineWaiter *waiter, GError **error);
/** The device must be done with what the session has submitted. The last one frees the device. */
void lm_engine_client_free(LmEngineClient **client);

/** The device failed: whoever opens the engine from now on gets a new one. Copies the error. */
void lm_engine_client_break(LmEngineClient *client, const GError *error);
/** The device does not answer, and the session no longer waits: whoever opens the engine from now
 * on gets a new one, those who have clients keep what they have. */
void lm_engine_client_retire(LmEngineClient *client);
/** Whether the device has not failed for any session; else false with a copy of that error. */
bool lm_engine_client_check(LmEngineClient *client, GError **error);

/** Whether a session that has frames on the device may add one: not while others have some there,
 * or are likely to have again soon. A session that has none always may. As the queue is worked off
 * in order, sessions that always have frames get equally many done, however many each could have
 * there at once. */
bool lm_engine_client_may_submit(LmEngineClient *client);
/** A frame goes to the device; it has been answered, after that time. */
void lm_engine_client_submitted(LmEngineClient *client);
void lm_engine_client_answered(LmEngineClient *client, gint64 took_ns);

G_END_DECLS
