/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws on buffers. Pango and Cairo render each text and shape once, as alpha bitmaps, which are
 * then painted onto the frames. */
#include "gstlmpainter.h"

#include <math.h>
#include <pango/pangocairo.h>

#include "gstlmmeta.h"
#include "overlay/alpha-bitmap.h"

#define MAX_SIGNS 256
#define MAX_LABELS 16 /* On a frame; the largest findings get them. */
#define BACKDROP 0x000000
#define TEXT_COLOR 0xffffff

/* A text or shape and its backdrop (NULL: none), both of one size: surfaces of alpha alone. */
typedef struct {
    cairo_surface_t *back, *front;
} Sign;

static void free_sign(gpointer data)
{
    Sign *sign = data;
    cairo_surface_destroy(sign->back);
    cairo_surface_destroy(sign->front);
    g_free(sign);
}

void gst_lm_painter_finish(GstLmPainter *painter)
{
    lm_scratch_finish(&painter->scratch);
    g_clear_pointer(&painter->signs, g_hash_table_unref);
}

static cairo_t *start(cairo_surface_t **surface, int width, int height)
{
    *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
    return cairo_create(*surface);
}

static void end(cairo_t *cairo)
{
    cairo_surface_flush(cairo_get_target(cairo));
    cairo_destroy(cairo);
}

/* White on a dark box, `size` pixels from line to line. */
static Sign *render_text(const char *text, int size)
{
    Sign *sign = g_new0(Sign, 1);
    PangoFontMap *map = pango_cairo_font_map_get_default();
    PangoContext *context = pango_font_map_create_context(map);
    PangoLayout *layout = pango_layout_new(context);
    PangoFontDescription *font = pango_font_description_from_string("Sans Bold");
    pango_font_description_set_absolute_size(font, size * 0.75 * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_text(layout, text, -1);
    int width, height, margin = MAX(2, size / 5);
    pango_layout_get_pixel_size(layout, &width, &height);

    cairo_t *cairo = start(&sign->back, width + 2 * margin, height);
    cairo_paint_with_alpha(cairo, 0.6);
    end(cairo);
    cairo = start(&sign->front, width + 2 * margin, height);
    cairo_move_to(cairo, margin, 0);
    pango_cairo_show_layout(cairo, layout);
    end(cairo);
    pango_font_description_free(font);
    g_object_unref(layout);
    g_object_unref(context);
    return sign;
}

/* Within a square of 1, its middle at the origin. */
static void trace_indicator(cairo_t *cairo, GstLmIndicator indicator)
{
    cairo_set_line_width(cairo, 0.16);
    switch (indicator) {
    case GST_LM_INDICATOR_STARTING:
        cairo_arc(cairo, 0, 0, 0.28, 0, 2 * G_PI);
        cairo_stroke(cairo);
        break;
    case GST_LM_INDICATOR_READY:
        cairo_arc(cairo, 0, 0, 0.34, 0, 2 * G_PI);
        cairo_fill(cairo);
        break;
    case GST_LM_INDICATOR_DEGRADED:
        cairo_move_to(cairo, 0, -0.36);
        cairo_line_to(cairo, 0.36, 0.26);
        cairo_line_to(cairo, -0.36, 0.26);
        cairo_fill(cairo);
        break;
    default:
        cairo_move_to(cairo, -0.26, -0.26);
        cairo_line_to(cairo, 0.26, 0.26);
        cairo_move_to(cairo, 0.26, -0.26);
        cairo_line_to(cairo, -0.26, 0.26);
        cairo_stroke(cairo);
    }
}

static Sign *render_indicator(GstLmIndicator indicator, int size)
{
    Sign *sign = g_new0(Sign, 1);
    cairo_t *cairo = start(&sign->back, size, size);
    cairo_arc(cairo, size / 2.0, size / 2.0, size / 2.0, 0, 2 * G_PI);
    cairo_fill(cairo);
    end(cairo);
    cairo = start(&sign->front, size, size);
    cairo_translate(cairo, size / 2.0, size / 2.0);
    cairo_scale(cairo, size, size);
    trace_indicator(cairo, indicator);
    end(cairo);
    return sign;
}

static Sign *render_bar(int width, int height)
{
    Sign *sign = g_new0(Sign, 1);
    cairo_t *cairo = start(&sign->front, width, height);
    cairo_paint(cairo);
    end(cairo);
    return sign;
}

/* Finds a sign by its name; NULL if it must be rendered. Texts come and go; if there are many, all
 * are dropped. */
static Sign *find_sign(GstLmPainter *painter, const char *name)
{
    if (!painter->signs)
        painter->signs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_sign);
    if (g_hash_table_size(painter->signs) >= MAX_SIGNS)
        g_hash_table_remove_all(painter->signs);
    return g_hash_table_lookup(painter->signs, name);
}

static Sign *keep_sign(GstLmPainter *painter, const char *name, Sign *sign)
{
    g_hash_table_insert(painter->signs, g_strdup(name), sign);
    return sign;
}

static void paint(GstLmPainter *painter, const Sign *sign, const LmFrame *frame, int x, int y,
                  guint32 color)
{
    cairo_surface_t *const layers[] = {sign->back, sign->front};
    for (unsigned i = 0; i < G_N_ELEMENTS(layers); i++) {
        if (!layers[i])
            continue;
        const LmAlphaBitmap bitmap = {cairo_image_surface_get_width(layers[i]),
                                      cairo_image_surface_get_height(layers[i]),
                                      (gsize)cairo_image_surface_get_stride(layers[i]),
                                      cairo_image_surface_get_data(layers[i])};
        lm_alpha_bitmap_paint(&bitmap, frame, x, y, i == 0 ? BACKDROP : color, &painter->scratch);
    }
}

/* --- Labels ---------------------------------------------------------------------------------- */

static int label_size(int height)
{
    return MAX(12, height / 40);
}

void gst_lm_painter_load_fonts(int height, char *const *class_names, unsigned n_class_names)
{
    for (unsigned i = 0; i < MAX(n_class_names, 1); i++) {
        char *name = g_utf8_make_valid(gst_lm_class_name(class_names, n_class_names, i), -1);
        char *text = g_strconcat(name, " 0123456789 %", NULL);
        free_sign(render_text(text, label_size(height)));
        g_free(text);
        g_free(name);
    }
}

/* True if a label there covers no earlier one. */
static bool is_free(const LmRect *labels, unsigned n, LmRect place)
{
    for (unsigned i = 0; i < n; i++)
        if (lm_rect_clip(labels[i], place).width > 0)
            return false;
    return true;
}

/* Places a label above the finding's box, below it or within, as the frame and the earlier labels
 * leave room. */
static LmRect place_label(const LmFrameInfo *info, LmRect box, int width, int height,
                          const LmRect *labels, unsigned n)
{
    const int x = CLAMP(box.x, 0, MAX(0, info->width - width));
    const int rows[] = {box.y - height, box.y + box.height, box.y};
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const LmRect place = {x, rows[i], width, height};
        if (rows[i] >= 0 && rows[i] + height <= info->height && is_free(labels, n, place))
            return place;
    }
    return (LmRect){x, MAX(0, rows[0]), width, height};
}

/* Draws "polyp 87 %" and adds its place to the `n` earlier ones. */
static void draw_label(GstLmPainter *painter, const LmFrame *frame, const GstLmDrawing *drawing,
                       const LmFinding *finding, LmRect *labels, unsigned n)
{
    const int size = label_size(frame->info.height);
    char name[160];
    g_snprintf(
        name, sizeof name, "%d:%.128s %.0f %%", size,
        gst_lm_class_name(drawing->class_names, drawing->n_class_names, finding->class_index),
        100 * finding->confidence);
    Sign *sign = find_sign(painter, name);
    if (!sign) {
        char *text = g_utf8_make_valid(strchr(name, ':') + 1, -1);
        sign = keep_sign(painter, name, render_text(text, size));
        g_free(text);
    }
    labels[n] = place_label(&frame->info, finding->box, cairo_image_surface_get_width(sign->front),
                            cairo_image_surface_get_height(sign->front), labels, n);
    paint(painter, sign, frame, labels[n].x, labels[n].y, TEXT_COLOR);
}

/* --- The status indicator -------------------------------------------------------------------- */

static guint32 indicator_color(GstLmIndicator indicator)
{
    switch (indicator) {
    case GST_LM_INDICATOR_READY:
        return 0x30d158;
    case GST_LM_INDICATOR_DEGRADED:
        return 0xffb000;
    case GST_LM_INDICATOR_FAILED:
        return 0xff453a;
    default:
        return 0xffffff;
    }
}

/* Places a square near a corner of the frame, outside the region; near the upper right corner if
 * no corner is free, or several are. */
static LmRect place_indicator(const LmFrameInfo *info, LmRect region, int size)
{
    const int far_x = info->width - size - size / 2, far_y = info->height - size - size / 2;
    const LmRect places[] = {{far_x, size / 2, size, size},
                             {size / 2, size / 2, size, size},
                             {far_x, far_y, size, size},
                             {size / 2, far_y, size, size}};
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++)
        if (lm_rect_clip(places[i], region).width == 0)
            return places[i];
    return places[0];
}

static void draw_bar(GstLmPainter *painter, const LmFrame *frame, LmRect bar, guint32 color)
{
    char name[40];
    g_snprintf(name, sizeof name, "bar:%dx%d", bar.width, bar.height);
    Sign *sign = find_sign(painter, name);
    if (!sign)
        sign = keep_sign(painter, name, render_bar(bar.width, bar.height));
    paint(painter, sign, frame, bar.x, bar.y, color);
}

/* Angles just outside the region's corners. */
static void draw_corners(GstLmPainter *painter, const LmFrame *frame, LmRect r, guint32 color)
{
    const int thick = MAX(2, frame->info.height / 360),
              length = MAX(4, MIN(r.width, r.height) / 16);
    for (int i = 0; i < 4; i++) {
        const int x = i % 2 ? r.x + r.width : r.x - thick, y = i / 2 ? r.y + r.height : r.y - thick;
        draw_bar(painter, frame, (LmRect){i % 2 ? x - length : x + thick, y, length, thick}, color);
        draw_bar(painter, frame, (LmRect){x, i / 2 ? y - length : y, thick, length + thick}, color);
    }
}

static void draw_indicator(GstLmPainter *painter, const LmFrame *frame, const GstLmDrawing *drawing)
{
    const int size = MAX(8, frame->info.height / 30);
    const LmRect place = place_indicator(&frame->info, drawing->region, size);
    const guint32 color = indicator_color(drawing->indicator);
    char name[40];
    g_snprintf(name, sizeof name, "indicator:%d@%d", drawing->indicator, size);
    Sign *sign = find_sign(painter, name);
    if (!sign)
        sign = keep_sign(painter, name, render_indicator(drawing->indicator, size));
    paint(painter, sign, frame, place.x, place.y, color);
    if (drawing->region.width > 0)
        draw_corners(painter, frame, drawing->region, color);
}

/* --- All of it ------------------------------------------------------------------------------- */

bool gst_lm_painter_draw(GstLmPainter *painter, GstBuffer **buffer, const GstLmLayout *layout,
                         const GstLmDrawing *drawing)
{
    const unsigned flags = drawing->params->flags;
    const bool marks = drawing->mask && drawing->findings->n > 0 &&
                       (flags & (LM_OVERLAY_FILL | LM_OVERLAY_CONTOUR | GST_LM_OVERLAY_LABEL));
    const bool indicator =
        drawing->indicator != GST_LM_INDICATOR_OFF && (flags & GST_LM_OVERLAY_STATE);
    if (!marks && !indicator)
        return true;

    *buffer = gst_buffer_make_writable(*buffer);
    GstVideoFrame video;
    LmFrame frame;
    if (!gst_lm_frame_map(layout, *buffer, GST_MAP_READWRITE, &video, &frame))
        return false;
    if (marks) {
        lm_overlay_draw(&frame, drawing->mask, drawing->findings, drawing->params,
                        &painter->scratch);
        LmRect labels[MAX_LABELS];
        const unsigned n_labels =
            flags & GST_LM_OVERLAY_LABEL ? MIN(drawing->findings->n, MAX_LABELS) : 0;
        for (unsigned i = 0; i < n_labels; i++)
            draw_label(painter, &frame, drawing, &drawing->findings->items[i], labels, i);
    }
    if (indicator)
        draw_indicator(painter, &frame, drawing);
    gst_video_frame_unmap(&video);
    return true;
}
