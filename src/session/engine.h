/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A model on a device, shared by all sessions of the process with the same settings.
 *
 * An LmEngine is a model file's network, planned for a device. Sessions share it if they have the
 * same file (unless it has changed since), device, precision, network size and cache. Its resources
 * on the device (device, pipelines, packed weights, arena) are made when the first session opens
 * it, and freed with the last client. If the device fails for one session, the resources are broken
 * for all: each session frees its client, and the next ones that open the engine share new
 * resources.
 *
 * Each session records its own commands. Since these begin with a barrier, sessions may share the
 * arena on the device's only queue. They take turns: see lm_engine_client_may_submit().
 *
 * All functions are thread-safe; a client belongs to one thread.
 */
#pragma once

#include "exec/executor.h"
#include "model/weights.h"
#include "session/precision.h"

G_BEGIN_DECLS

/** The settings that an engine is made for. */
typedef struct {
    const char *model;  /**< Path. */
    const char *device; /**< As lm_device_choose(); NULL: auto. */
    LmPrecision precision;
    int width, height;     /**< Of the network, as lm_network_build(). */
    const char *cache_dir; /**< As lm_pipelines_create(). */
} LmEngineParams;

/** Immutable outside engine.c. */
typedef struct {
    LmWeights *weights;
    LmGraph *graph;
    LmDeviceInfo info;
    LmPrecision precision; /**< FP32 or FP16. */
    struct LmEnginePrivate *priv;
} LmEngine;

/** Finds or makes an engine for these settings; reads the model file and chooses the device in
 * either case. Returns NULL with an error. */
LmEngine *lm_engine_get(const LmEngineParams *params, GError **error);
void lm_engine_unref(LmEngine **engine);

/** A session's share of the resources on the device. */
typedef struct {
    LmPipelines *pipelines; /**< Not owned. */
    LmExecutor *executor;   /**< Not owned. */
    struct LmEngineClientPrivate *priv;
} LmEngineClient;

/** The caller of lm_engine_open(). */
typedef struct {
    /** Reports the current step, and how much of it is done, 0..100. */
    void (*progress)(void *user, const char *what, int percent);
    /** Returns true to give up; called now and then. */
    bool (*cancelled)(void *user);
    void *user;
} LmEngineWaiter;

/** Makes the engine's resources on the device, or waits for another session that does, or finds
 * them. Slow. Returns NULL with an error, or without one if cancelled. */
LmEngineClient *lm_engine_open(LmEngine *engine, const LmEngineWaiter *waiter, GError **error);
/** The device must be done with the session's frames. The last client frees the device. */
void lm_engine_client_free(LmEngineClient **client);

/** Reports that the device failed: later calls of lm_engine_open() make new resources. Copies the
 * error. */
void lm_engine_client_break(LmEngineClient *client, const GError *error);
/** Reports that the device does not answer and the session no longer waits: later calls of
 * lm_engine_open() make new resources; existing clients keep theirs. */
void lm_engine_client_retire(LmEngineClient *client);
/** Returns true if the device has not failed for any session; else false with a copy of the
 * error. */
bool lm_engine_client_check(LmEngineClient *client, GError **error);

/** Returns true if the session may submit a frame. A session that has none on the device always
 * may; one that has some may not add another while other sessions have some there or are likely to
 * have some soon. As the device works in order, busy sessions get equally many frames done,
 * regardless of their number of slots. */
bool lm_engine_client_may_submit(LmEngineClient *client);
/** Report that a frame goes to the device, and that it has been answered, after took_ns. */
void lm_engine_client_submitted(LmEngineClient *client);
void lm_engine_client_answered(LmEngineClient *client, gint64 took_ns);

G_END_DECLS
