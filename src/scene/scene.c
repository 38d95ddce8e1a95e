/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The synthetic colonoscopy: draws a frame, from the camera's position to its rows. */
#include "scene/scene.h"

#include "scene/thread-pool.h"
#include "scene/scale.h"
#include "scene/screen.h"
#include "util/error.h"

#include <string.h>

/* The part of the colon that the camera sees, in units along the tube from the camera. */
#define NEAREST (-0.45)
#define FURTHEST 12.0
#define FURTHEST_POLYP 8.0
/* The camera's own picture has at most this many pixels, and at most twice as many as its view
 * along either side; it is scaled to the view. */
#define CAMERA_PIXELS 150000
/* The tangent of half the angle between the picture's middle and its corners, 70 degrees. */
#define CORNER 0.70f
/* The shutter's open time, in frames. */
#define EXPOSURE 0.5

/* The path starts again after this many frames. */
#define TURN (G_GUINT64_CONSTANT(1) << 40)

#define MOST_RINGS 200
#define RING_VERTICES (LM_COLON_SIDES + 1)
#define POLYP_VERTICES (LM_POLYP_ROWS * LM_POLYP_SIDES)
#define MOST_VERTICES (MOST_RINGS * RING_VERTICES + LM_SCENE_MAX_VISIBLE * POLYP_VERTICES)
#define MOST_SURFACES (MOST_RINGS + LM_SCENE_MAX_VISIBLE)

/* Rows of vertices of equal length, which form a surface. */
typedef struct {
    const LmVertex *vertices;
    guint rows, columns;
    double origin;
    float v;                /* where its texture begins */
    guint slot;             /* 0, or 1 + index into LmScene.ids */
    gboolean joins;         /* its first row joins the last row of the surface before */
    LmProjected *projected; /* rows * columns of them */
} Surface;

/* The data of one thread. */
typedef struct {
    LmRaster raster;
    gint16 *exposed[4], *signal[2]; /* rows of the camera's picture */
    gint64 exposed_row[4], signal_row[2];
    gint16 *line; /* between them */
    gint16 *wide; /* scratch, as wide as the view */
    guint8 *row, *truth;
    guint first_x[LM_SCENE_MAX_VISIBLE],
        end_x[LM_SCENE_MAX_VISIBLE]; /* the visible part of each polyp */
    guint first_y[LM_SCENE_MAX_VISIBLE], end_y[LM_SCENE_MAX_VISIBLE];
} Bench;

struct LmScene {
    LmSceneParams params;
    LmColon *colon;
    LmShader shader;
    LmSensor sensor;
    LmScreen *screen;
    LmSceneRect view;
    LmCanvas canvas;
    LmScalePlace *places_x, *places_y; /* for each column and row of the view */
    guint16 *dither;
    LmThreadPool *pool;
    Bench *benches; /* one for each share of the work */

    /* The current frame. */
    guint64 number;
    LmLens lens;
    Surface surfaces[MOST_SURFACES];
    guint surface_count;
    LmProjected *projected;
    guint ids[LM_SCENE_MAX_VISIBLE];
    gboolean truth;
    LmSceneRowFunc row;
    gpointer user_data;
    LmScenePolyp visible[LM_SCENE_MAX_VISIBLE];
    guint visible_count;
};

/* Noise in other colours would not fit its lanes. */
static gboolean color_fits(const LmSceneColor *color)
{
    gboolean fits = TRUE;
    for (guint i = 0; i < 3; i++) {
        fits &= fabsf(color->offset[i]) <= 1000;
        for (guint j = 0; j < 3; j++)
            fits &= fabsf(color->matrix[i][j]) <= 4;
    }
    return fits;
}

static gboolean check(const LmSceneParams *params, GError **error)
{
    if (params->width < LM_SCENE_MIN_SIZE || params->width > LM_SCENE_MAX_SIZE ||
        params->height < LM_SCENE_MIN_SIZE || params->height > LM_SCENE_MAX_SIZE)
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "the scene's size is %ux%u, but must be %dx%d to %dx%d", params->width,
                    params->height, LM_SCENE_MIN_SIZE, LM_SCENE_MIN_SIZE, LM_SCENE_MAX_SIZE,
                    LM_SCENE_MAX_SIZE);
    else if (params->polyps > LM_SCENE_MAX_POLYPS)
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "polyps is %u, but must be 0 to %d",
                    params->polyps, LM_SCENE_MAX_POLYPS);
    else if (!(params->motion >= 0 && params->motion <= 1))
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "motion is %g, but must be 0 to 1",
                    params->motion);
    else if (!(params->noise >= 0 && params->noise <= 1))
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "noise is %g, but must be 0 to 1",
                    params->noise);
    else if (params->screen > LM_SCENE_SCREEN_OCTAGON)
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "screen is %d, but must be 0 to %d",
                    params->screen, LM_SCENE_SCREEN_OCTAGON);
    else if (!color_fits(&params->color))
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                    "color has a factor beyond -4..4 or an offset beyond -1000..1000");
    else if (params->threads > LM_SCENE_MAX_THREADS)
        g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT, "threads is %u, but must be 0 to %d",
                    params->threads, LM_SCENE_MAX_THREADS);
    else
        return TRUE;
    return FALSE;
}

static LmScalePlace *places_create(guint from, guint to)
{
    LmScalePlace *places = g_new(LmScalePlace, to);
    for (guint i = 0; i < to; i++)
        places[i] = lm_scale_place(i, from, to);
    return places;
}

LmScene *lm_scene_create(const LmSceneParams *params, GError **error)
{
    if (!check(params, error))
        return NULL;
    LmScene *scene = g_new0(LmScene, 1);
    scene->params = *params;
    LmSceneColor *color = &scene->params.color;
    static const LmSceneColor unset;
    if (memcmp(color, &unset, sizeof unset) == 0)
        color->matrix[0][0] = color->matrix[1][1] = color->matrix[2][2] = 1;

    scene->colon = lm_colon_create(params->seed, params->polyps);
    lm_shader_init(&scene->shader, &scene->params);
    lm_sensor_init(&scene->sensor, &scene->params);
    scene->screen = lm_screen_create(params->screen, params->width, params->height, color);
    scene->view = lm_screen_view(scene->screen);

    double ratio = sqrt((double)CAMERA_PIXELS / ((double)scene->view.width * scene->view.height));
    ratio = MIN(ratio, 2);
    guint width = MAX((guint)(scene->view.width * ratio + 0.5), 1);
    guint height = MAX((guint)(scene->view.height * ratio + 0.5), 1);
    gsize pixels = (gsize)width * height;
    scene->canvas = (LmCanvas){width,
                               height,
                               g_new(LmPixel, pixels),
                               g_new(float, pixels),
                               g_new(guint8, pixels),
                               g_new(guint, height),
                               g_new(guint, height)};
    scene->places_x = places_create(width, scene->view.width);
    scene->places_y = places_create(height, scene->view.height);
    scene->dither = lm_scale_dither_create(scene->view.width);
    scene->projected = g_new(LmProjected, MOST_VERTICES);

    scene->pool = lm_thread_pool_create(MAX(params->threads, 1));
    scene->benches = g_new0(Bench, lm_thread_pool_shares(scene->pool));
    for (guint i = 0; i < lm_thread_pool_shares(scene->pool); i++) {
        Bench *bench = &scene->benches[i];
        for (guint k = 0; k < G_N_ELEMENTS(bench->exposed); k++)
            bench->exposed[k] = g_new(gint16, 4 * width);
        for (guint k = 0; k < G_N_ELEMENTS(bench->signal); k++)
            bench->signal[k] = g_new(gint16, 4 * width);
        /* The pixel beyond the last is read too, with a weight of 0. */
        bench->line = g_new0(gint16, 4 * (width + 1));
        bench->wide = g_new(gint16, 4 * scene->view.width);
        bench->row = g_malloc((gsize)4 * params->width);
        bench->truth = g_malloc(params->width);
    }
    return scene;
}

void lm_scene_free(LmScene **pointer)
{
    LmScene *scene = pointer ? *pointer : NULL;
    if (!scene)
        return;
    for (guint i = 0; i < lm_thread_pool_shares(scene->pool); i++) {
        Bench *bench = &scene->benches[i];
        for (guint k = 0; k < G_N_ELEMENTS(bench->exposed); k++)
            g_free(bench->exposed[k]);
        for (guint k = 0; k < G_N_ELEMENTS(bench->signal); k++)
            g_free(bench->signal[k]);
        g_free(bench->line);
        g_free(bench->wide);
        g_free(bench->row);
        g_free(bench->truth);
    }
    g_free(scene->benches);
    lm_thread_pool_free(&scene->pool);
    g_free(scene->projected);
    g_free(scene->dither);
    g_free(scene->places_x);
    g_free(scene->places_y);
    g_free(scene->canvas.pixels);
    g_free(scene->canvas.depth);
    g_free(scene->canvas.polyps);
    g_free(scene->canvas.first_polyp);
    g_free(scene->canvas.end_polyp);
    lm_screen_free(&scene->screen);
    lm_sensor_finish(&scene->sensor);
    lm_shader_finish(&scene->shader);
    lm_colon_free(&scene->colon);
    g_free(scene);
    *pointer = NULL;
}

static void add_surface(LmScene *scene, Surface surface)
{
    const Surface *last =
        scene->surface_count > 0 ? &scene->surfaces[scene->surface_count - 1] : NULL;
    surface.projected = last ? last->projected + last->rows * last->columns : scene->projected;
    g_assert(scene->surface_count < MOST_SURFACES &&
             surface.projected + surface.rows * surface.columns <=
                 scene->projected + MOST_VERTICES);
    scene->surfaces[scene->surface_count++] = surface;
}

/* Everything that may be visible, nearest first, so that little is drawn only to be covered. */
static void collect(LmScene *scene)
{
    double z = scene->lens.now.z;
    scene->surface_count = 0;
    guint slot = 0;
    gint64 stretch = lm_floor((z + NEAREST) / LM_COLON_STRETCH);
    for (gint64 end = stretch + 2; stretch < end && scene->params.polyps > 0; stretch++) {
        const LmPolyp *polyps = lm_colon_polyps(scene->colon, stretch);
        for (guint i = 0; i < scene->params.polyps; i++) {
            if (polyps[i].origin < z + NEAREST || polyps[i].origin > z + FURTHEST_POLYP)
                continue;
            scene->ids[slot++] = polyps[i].id;
            add_surface(scene, (Surface){.vertices = polyps[i].vertices[0],
                                         .rows = LM_POLYP_ROWS,
                                         .columns = LM_POLYP_SIDES,
                                         .origin = polyps[i].origin,
                                         .slot = slot});
        }
    }
    /* Rings that lie close together in the picture are left out. */
    const double tile = LM_MUCOSA_SIZE / LM_COLON_TEXELS;
    double base = ((double)lm_floor(z / tile) - 1) * tile;
    gboolean joins = FALSE;
    gint64 ring = lm_floor((z + NEAREST) / LM_COLON_RING);
    for (double ahead = NEAREST; ahead < FURTHEST; joins = TRUE) {
        const LmRing *vertices = lm_colon_ring(scene->colon, ring);
        add_surface(scene, (Surface){.vertices = vertices->vertices,
                                     .rows = 1,
                                     .columns = RING_VERTICES,
                                     .origin = vertices->origin,
                                     .v = (float)((vertices->origin - base) * LM_COLON_TEXELS),
                                     .joins = joins});
        gint64 step = ahead < 5 ? 1 : ahead < 9 ? 2 : 4;
        ring = (lm_floor((double)ring / (double)step) + 1) * step;
        ahead = (double)ring * LM_COLON_RING - z;
    }
}

static void project_share(gpointer work, guint share, guint shares)
{
    const LmScene *scene = work;
    for (guint i = share; i < scene->surface_count; i += shares) {
        const Surface *surface = &scene->surfaces[i];
        lm_raster_project(&scene->lens, surface->vertices, surface->rows * surface->columns,
                          surface->origin, surface->v, surface->projected);
    }
}

static void raster_share(gpointer work, guint share, guint shares)
{
    LmScene *scene = work;
    const LmCanvas *canvas = &scene->canvas;
    LmRaster *raster = &scene->benches[share].raster;
    *raster = (LmRaster){.canvas = canvas, .shader = scene->truth ? NULL : &scene->shader};
    raster->first = canvas->height * share / shares;
    raster->end = canvas->height * (share + 1) / shares;
    lm_raster_clear(canvas, scene->shader.dark, raster->first, raster->end);
    for (guint i = 0; i < scene->surface_count; i++) {
        const Surface *surface = &scene->surfaces[i];
        const LmProjected *row = surface->projected;
        guint columns = surface->columns;
        if (surface->joins)
            lm_raster_strip(raster, row - columns, row, columns, 0);
        for (guint k = 1; k < surface->rows; k++, row += columns)
            lm_raster_strip(raster, row, row + columns, columns, surface->slot);
    }
    lm_raster_flush(raster);
    lm_raster_find_polyps(canvas, raster->first, raster->end);
}

/* Rows of the camera's picture; each thread keeps as many as two rows of the view may need. */
static const gint16 *exposed_row(const LmScene *scene, Bench *bench, gint64 y)
{
    y = CLAMP(y, 0, (gint64)scene->canvas.height - 1);
    guint slot = (guint)(y % G_N_ELEMENTS(bench->exposed));
    if (bench->exposed_row[slot] != y) {
        lm_sensor_expose(&scene->canvas, (guint)y, bench->exposed[slot]);
        bench->exposed_row[slot] = y;
    }
    return bench->exposed[slot];
}

static const gint16 *signal_row(const LmScene *scene, Bench *bench, guint y)
{
    guint slot = y % G_N_ELEMENTS(bench->signal);
    if (bench->signal_row[slot] != y) {
        const gint16 *const exposed[3] = {exposed_row(scene, bench, (gint64)y - 1),
                                          exposed_row(scene, bench, y),
                                          exposed_row(scene, bench, (gint64)y + 1)};
        lm_sensor_read(&scene->sensor, scene->number, y, exposed, scene->canvas.width,
                       bench->signal[slot]);
        bench->signal_row[slot] = y;
    }
    return bench->signal[slot];
}

static void view_row(const LmScene *scene, Bench *bench, guint y, guint8 *row)
{
    guint low = scene->places_y[y - scene->view.y] >> 6,
          share = scene->places_y[y - scene->view.y] & 63;
    const gint16 *upper = signal_row(scene, bench, low),
                 *lower = share ? signal_row(scene, bench, low + 1) : upper;
    lm_scale_between(upper, lower, share, scene->canvas.width, bench->line);
    lm_scale_line(bench->line, scene->places_x, scene->view.width, scene->dither, y, bench->wide,
                  row + 4 * scene->view.x);
}

/* Draws row y of the truth, as slots of polyps, and adds it to their boxes. */
static void truth_row(const LmScene *scene, Bench *bench, guint y, guint8 *row)
{
    const LmSceneRect *view = &scene->view;
    const LmCanvas *canvas = &scene->canvas;
    guint low = scene->places_y[y - view->y] >> 6, share = scene->places_y[y - view->y] & 63;
    guint next = share ? low + 1 : low;
    guint from = MIN(canvas->first_polyp[low], canvas->first_polyp[next]);
    guint to = MAX(canvas->end_polyp[low], canvas->end_polyp[next]);
    if (to == 0)
        return;
    /* The view's columns that they cover, and one more on either side. */
    guint first = (guint)((guint64)(from > 0 ? from - 1 : 0) * view->width / canvas->width);
    guint end = MIN((guint)((guint64)(to + 1) * view->width / canvas->width) + 1, view->width);
    lm_scale_truth(canvas->polyps + (gsize)low * canvas->width,
                   canvas->polyps + (gsize)next * canvas->width, share, scene->places_x, first, end,
                   row + view->x);
    lm_screen_compose_truth(scene->screen, y, row);
    for (guint x = view->x + first; x < view->x + end; x++) {
        if (row[x] == 0)
            continue;
        guint i = row[x] - 1u;
        bench->first_x[i] = MIN(bench->first_x[i], x);
        bench->end_x[i] = MAX(bench->end_x[i], x + 1);
        bench->first_y[i] = MIN(bench->first_y[i], y);
        bench->end_y[i] = MAX(bench->end_y[i], y + 1);
    }
}

static void rows_share(gpointer work, guint share, guint shares)
{
    LmScene *scene = work;
    Bench *bench = &scene->benches[share];
    const LmSceneRect *view = &scene->view;
    memset(bench->exposed_row, -1, sizeof bench->exposed_row);
    memset(bench->signal_row, -1, sizeof bench->signal_row);
    for (guint i = 0; i < LM_SCENE_MAX_VISIBLE; i++) {
        bench->first_x[i] = bench->first_y[i] = G_MAXUINT;
        bench->end_x[i] = bench->end_y[i] = 0;
    }
    guint pairs = (scene->params.height + 1) / 2;
    guint first = 2 * (pairs * share / shares),
          end = MIN(2 * (pairs * (share + 1) / shares), scene->params.height);
    for (guint y = first; y < end; y++) {
        gboolean in_view = y >= view->y && y < view->y + view->height;
        memset(bench->truth, 0, scene->params.width);
        if (in_view)
            truth_row(scene, bench, y, bench->truth);
        if (scene->truth) {
            for (guint x = 0; x < scene->params.width; x++)
                bench->truth[x] = bench->truth[x] ? 255 : 0;
            scene->row(y, bench->truth, scene->user_data);
        } else {
            if (in_view)
                view_row(scene, bench, y, bench->row);
            lm_screen_compose(scene->screen, y, bench->row);
            scene->row(y, bench->row, scene->user_data);
        }
    }
}

/* The polyps' boxes, from those of all threads. */
static void gather_visible(LmScene *scene)
{
    scene->visible_count = 0;
    for (guint i = 0; i < LM_SCENE_MAX_VISIBLE; i++) {
        guint x0 = G_MAXUINT, y0 = G_MAXUINT, x1 = 0, y1 = 0;
        for (guint k = 0; k < lm_thread_pool_shares(scene->pool); k++) {
            const Bench *bench = &scene->benches[k];
            x0 = MIN(x0, bench->first_x[i]);
            y0 = MIN(y0, bench->first_y[i]);
            x1 = MAX(x1, bench->end_x[i]);
            y1 = MAX(y1, bench->end_y[i]);
        }
        if (x1 > 0)
            scene->visible[scene->visible_count++] =
                (LmScenePolyp){scene->ids[i], x0, y0, x1 - x0, y1 - y0};
    }
}

static void draw(LmScene *scene, guint64 number, gboolean truth, LmSceneRowFunc row,
                 gpointer user_data)
{
    const LmCanvas *canvas = &scene->canvas;
    /* Wraps, so that a double still distinguishes positions along the tube. */
    const double time = (double)(number % TURN);
    scene->number = number;
    scene->truth = truth;
    scene->row = row;
    scene->user_data = user_data;
    scene->lens = (LmLens){
        .now = lm_camera_at(scene->colon, time, scene->params.motion),
        .later = lm_camera_at(scene->colon, time + EXPOSURE / 2, scene->params.motion),
        .width = canvas->width,
        .height = canvas->height,
        .exposure = 0.95f,
    };
    float width = (float)canvas->width, height = (float)canvas->height;
    scene->lens.focal = 0.5f * sqrtf(width * width + height * height) / CORNER;
    lm_screen_set_number(scene->screen, number);
    collect(scene);
    lm_thread_pool_run(scene->pool, project_share, scene);
    lm_thread_pool_run(scene->pool, raster_share, scene);
    lm_thread_pool_run(scene->pool, rows_share, scene);
    gather_visible(scene);
}

void lm_scene_draw(LmScene *scene, guint64 number, LmSceneRowFunc row, gpointer user_data)
{
    draw(scene, number, FALSE, row, user_data);
}

void lm_scene_draw_truth(LmScene *scene, guint64 number, LmSceneRowFunc row, gpointer user_data)
{
    draw(scene, number, TRUE, row, user_data);
}

guint lm_scene_visible(const LmScene *scene, LmScenePolyp polyps[LM_SCENE_MAX_VISIBLE])
{
    memcpy(polyps, scene->visible, scene->visible_count * sizeof *polyps);
    return scene->visible_count;
}
