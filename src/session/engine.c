/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The list of engines, their resources on the device, and the turns of their clients. */
#include "session/engine.h"

#include <string.h>
#include <sys/stat.h>

#include "net/network.h"
#include "util/clock.h"
#include "util/error.h"

/* How often a session that waits for another one's start checks whether it is cancelled. */
#define CANCEL_STEP_NS (LM_SECOND_NS / 20)

/* The resources made on the device at one time. Guarded by the engine's lock, except the first
 * three fields, which do not change. */
typedef struct {
    LmDevice *device;
    LmPipelines *pipelines;
    LmExecutor *executor;
    GPtrArray *clients; /* LmEngineClient *, not owned */
    GError *broken;
} Context;

struct LmEngineClientPrivate {
    LmEngine *engine; /* a reference */
    Context *context;
    unsigned busy;   /* frames on the device */
    gint64 answered; /* when it last had one; 0: never */
    gint64 took;
};

struct LmEnginePrivate {
    /* Immutable. */
    dev_t file_device;
    ino_t file;
    off_t file_size;
    struct timespec file_time;
    int width, height; /* as requested */
    char *path, *selection, *cache_dir;

    /* Guarded by `registry`. */
    unsigned refs;

    pthread_mutex_t lock;
    pthread_cond_t made; /* signalled when `making` becomes false */
    bool making;
    unsigned n_failed;
    GError *error;    /* of the last failed attempt */
    Context *context; /* NULL: none, or broken */
};

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static GPtrArray *engines; /* NULL: none */

/* --- Engines --------------------------------------------------------------------------------- */

static void free_engine(LmEngine *engine)
{
    struct LmEnginePrivate *priv = engine->priv;
    lm_graph_free(&engine->graph);
    lm_weights_free(&engine->weights);
    g_clear_error(&priv->error);
    pthread_cond_destroy(&priv->made);
    pthread_mutex_destroy(&priv->lock);
    g_free(priv->path);
    g_free(priv->selection);
    g_free(priv->cache_dir);
    g_free(priv);
    g_free(engine);
}

static LmEngine *new_engine(const LmEngineParams *params, const LmDeviceInfo *info,
                            const struct stat *file, GError **error)
{
    LmEngine *engine = g_new0(LmEngine, 1);
    struct LmEnginePrivate *priv = engine->priv = g_new0(struct LmEnginePrivate, 1);
    pthread_mutex_init(&priv->lock, NULL);
    lm_clock_cond_init(&priv->made);
    priv->file_device = file->st_dev;
    priv->file = file->st_ino;
    priv->file_size = file->st_size;
    priv->file_time = file->st_mtim;
    priv->width = params->width;
    priv->height = params->height;
    priv->path = g_strdup(params->model);
    priv->selection = g_strdup(params->device);
    priv->cache_dir = g_strdup(params->cache_dir);
    priv->refs = 1;
    engine->info = *info;
    engine->precision = lm_precision_resolve(params->precision, info);

    if (!(engine->weights = lm_weights_open(params->model, error)) ||
        !(engine->graph =
              lm_network_build(engine->weights, params->width, params->height, false, error))) {
        free_engine(engine);
        return NULL;
    }
    lm_executor_plan(engine->graph, info, &(LmExecutorParams){0});
    return engine;
}

static bool same_device(const LmDeviceInfo *a, const LmDeviceInfo *b)
{
    return g_str_equal(a->uuid, b->uuid) && g_str_equal(a->driver, b->driver) &&
           g_str_equal(a->name, b->name);
}

/* The path, too, since messages name it. */
static bool fits(const LmEngine *engine, const LmEngineParams *params, const LmDeviceInfo *info,
                 const struct stat *file)
{
    const struct LmEnginePrivate *priv = engine->priv;
    return priv->file_device == file->st_dev && priv->file == file->st_ino &&
           priv->file_size == file->st_size && priv->file_time.tv_sec == file->st_mtim.tv_sec &&
           priv->file_time.tv_nsec == file->st_mtim.tv_nsec &&
           g_str_equal(priv->path, params->model) && priv->width == params->width &&
           priv->height == params->height && engine->info.index == info->index &&
           same_device(&engine->info, info) &&
           engine->precision == lm_precision_resolve(params->precision, info) &&
           g_strcmp0(priv->cache_dir, params->cache_dir) == 0;
}

LmEngine *lm_engine_get(const LmEngineParams *params, GError **error)
{
    LmDeviceInfo info;
    struct stat file = {0};
    if (!lm_device_choose(params->device, &info, error))
        return NULL;
    /* If this fails, opening the file fails, too, with a more specific error. */
    bool exists = stat(params->model, &file) == 0;

    pthread_mutex_lock(&registry);
    LmEngine *found = NULL;
    for (guint i = 0; exists && engines && i < engines->len && !found; i++)
        if (fits(engines->pdata[i], params, &info, &file))
            found = engines->pdata[i];
    if (found) {
        found->priv->refs++;
    } else if ((found = new_engine(params, &info, &file, error))) {
        if (!engines)
            engines = g_ptr_array_new();
        g_ptr_array_add(engines, found);
    }
    pthread_mutex_unlock(&registry);
    return found;
}

static LmEngine *ref_engine(LmEngine *engine)
{
    pthread_mutex_lock(&registry);
    engine->priv->refs++;
    pthread_mutex_unlock(&registry);
    return engine;
}

void lm_engine_unref(LmEngine **handle)
{
    LmEngine *engine = *handle;
    *handle = NULL;
    if (!engine)
        return;
    pthread_mutex_lock(&registry);
    bool last = --engine->priv->refs == 0;
    if (last) {
        g_ptr_array_remove_fast(engines, engine);
        if (engines->len == 0)
            g_clear_pointer(&engines, g_ptr_array_unref);
    }
    pthread_mutex_unlock(&registry);
    if (last)
        free_engine(engine);
}

/* --- On the device --------------------------------------------------------------------------- */

static void free_context(Context *context)
{
    lm_executor_free(&context->executor);
    lm_pipelines_free(&context->pipelines);
    lm_device_free(&context->device);
    g_ptr_array_unref(context->clients);
    g_clear_error(&context->broken);
    g_free(context);
}

static bool warm_up_progress(void *data, unsigned done, unsigned total)
{
    const LmEngineWaiter *waiter = data;
    waiter->progress(waiter->user, "compiling shaders", 20 + (int)(done * 80 / total));
    return !waiter->cancelled(waiter->user);
}

/* It must be the device that the graph was planned for and that callers know. */
static bool open_device(const LmEngine *engine, Context *context, GError **error)
{
    if (!(context->device = lm_device_create(engine->priv->selection, error)))
        return false;
    if (same_device(&context->device->info, &engine->info))
        return true;
    g_set_error(error, LM_ERROR, LM_ERROR_DEVICE, "the device %s is gone, and %s is in its place",
                engine->info.name, context->device->info.name);
    return false;
}

static Context *make_context(LmEngine *engine, const LmEngineWaiter *waiter, GError **error)
{
    const LmExecutorParams params = {.fp16 = engine->precision == LM_PRECISION_FP16};
    LmEngineWaiter user = *waiter;
    Context *context = g_new0(Context, 1);
    context->clients = g_ptr_array_new();
    waiter->progress(waiter->user, "opening the device", 0);
    bool ok =
        open_device(engine, context, error) &&
        (context->pipelines = lm_pipelines_create(context->device, engine->priv->cache_dir, error));
    if (ok) {
        waiter->progress(waiter->user, "loading the model, making pipelines", 10);
        /* Cancelling ends this early; then the first frame of the next session takes longer. */
        ok = (context->executor =
                  lm_executor_create(context->pipelines, engine->graph, &params, error)) &&
             lm_executor_warm_up(context->executor, warm_up_progress, &user, error);
    }
    if (!ok) {
        free_context(context);
        return NULL;
    }
    lm_pipelines_save(context->pipelines);
    return context;
}

/* With the engine's lock; takes over a reference. */
static LmEngineClient *new_client(LmEngine *engine)
{
    Context *context = engine->priv->context;
    LmEngineClient *client = g_new0(LmEngineClient, 1);
    client->pipelines = context->pipelines;
    client->executor = context->executor;
    client->priv = g_new0(struct LmEngineClientPrivate, 1);
    client->priv->engine = engine;
    client->priv->context = context;
    g_ptr_array_add(context->clients, client);
    return client;
}

/* With the lock held: waits while another session makes it. Returns false with that session's error
 * if it failed, or without an error if cancelled. */
static bool await_other(struct LmEnginePrivate *priv, const LmEngineWaiter *waiter, GError **error)
{
    unsigned n_failed = priv->n_failed;
    while (priv->making) {
        lm_clock_wait(&priv->made, &priv->lock, lm_clock_now() + CANCEL_STEP_NS);
        pthread_mutex_unlock(&priv->lock);
        bool cancelled = waiter->cancelled(waiter->user);
        pthread_mutex_lock(&priv->lock);
        if (cancelled)
            return false;
    }
    if (priv->n_failed != n_failed && !priv->context) {
        g_propagate_error(error, g_error_copy(priv->error));
        return false;
    }
    return true;
}

LmEngineClient *lm_engine_open(LmEngine *engine, const LmEngineWaiter *waiter, GError **error)
{
    struct LmEnginePrivate *priv = engine->priv;
    LmEngineClient *client = NULL;
    /* Takes the client's reference without the lock held: sessions need the lock for every frame,
     * and the registry may be locked for as long as a model file is read. */
    LmEngine *own = ref_engine(engine);
    pthread_mutex_lock(&priv->lock);
    while (priv->making)
        if (!await_other(priv, waiter, error))
            goto out;
    if (!priv->context) {
        GError *reason = NULL;
        priv->making = true;
        pthread_mutex_unlock(&priv->lock);
        Context *context = make_context(engine, waiter, &reason);
        pthread_mutex_lock(&priv->lock);
        priv->making = false;
        priv->context = context;
        if (!context) {
            priv->n_failed++;
            g_clear_error(&priv->error);
            priv->error = g_error_copy(reason);
            g_propagate_error(error, reason);
        }
        pthread_cond_broadcast(&priv->made);
    }
    if (priv->context)
        client = new_client(g_steal_pointer(&own));
out:
    pthread_mutex_unlock(&priv->lock);
    lm_engine_unref(&own);
    return client;
}

/* With the lock held: no other session gets a client of it. */
static void retire(struct LmEnginePrivate *priv, const Context *context)
{
    if (priv->context == context)
        priv->context = NULL;
}

void lm_engine_client_free(LmEngineClient **handle)
{
    LmEngineClient *client = *handle;
    *handle = NULL;
    if (!client)
        return;
    LmEngine *engine = client->priv->engine;
    Context *context = client->priv->context;
    pthread_mutex_lock(&engine->priv->lock);
    g_ptr_array_remove_fast(context->clients, client);
    bool last = context->clients->len == 0;
    if (last)
        retire(engine->priv, context);
    pthread_mutex_unlock(&engine->priv->lock);
    if (last)
        free_context(context);
    g_free(client->priv);
    g_free(client);
    lm_engine_unref(&engine);
}

void lm_engine_client_break(LmEngineClient *client, const GError *error)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    Context *context = client->priv->context;
    pthread_mutex_lock(&priv->lock);
    if (!context->broken)
        context->broken = g_error_copy(error);
    retire(priv, context);
    pthread_mutex_unlock(&priv->lock);
}

void lm_engine_client_retire(LmEngineClient *client)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    pthread_mutex_lock(&priv->lock);
    retire(priv, client->priv->context);
    pthread_mutex_unlock(&priv->lock);
}

bool lm_engine_client_check(LmEngineClient *client, GError **error)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    pthread_mutex_lock(&priv->lock);
    const GError *broken = client->priv->context->broken;
    if (broken)
        g_propagate_error(error, g_error_copy(broken));
    pthread_mutex_unlock(&priv->lock);
    return broken == NULL;
}

/* --- Turns ----------------------------------------------------------------------------------- */

/* Between two frames a session has none on the device. So it stays active for as long as its last
 * frame took. */
static bool is_active(const struct LmEngineClientPrivate *client, gint64 now)
{
    return client->busy > 0 || (client->answered && now - client->answered < client->took);
}

bool lm_engine_client_may_submit(LmEngineClient *client)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    gint64 now = lm_clock_now();
    pthread_mutex_lock(&priv->lock);
    bool may = true;
    const GPtrArray *clients = client->priv->context->clients;
    for (guint i = 0; client->priv->busy > 0 && i < clients->len && may; i++) {
        const LmEngineClient *other = clients->pdata[i];
        may = other == client || !is_active(other->priv, now);
    }
    pthread_mutex_unlock(&priv->lock);
    return may;
}

void lm_engine_client_submitted(LmEngineClient *client)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    pthread_mutex_lock(&priv->lock);
    client->priv->busy++;
    pthread_mutex_unlock(&priv->lock);
}

void lm_engine_client_answered(LmEngineClient *client, gint64 took_ns)
{
    struct LmEnginePrivate *priv = client->priv->engine->priv;
    pthread_mutex_lock(&priv->lock);
    client->priv->busy--;
    client->priv->answered = lm_clock_now();
    client->priv->took = took_ns;
    pthread_mutex_unlock(&priv->lock);
}
