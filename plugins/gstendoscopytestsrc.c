/* SPDX-License-Identifier: LGPL-2.1-or-later
 * endoscopytestsrc: a synthetic colonoscopy as a video source, and its ground truth as another. */
/**
 * SECTION:element-endoscopytestsrc
 * @title: endoscopytestsrc
 * @see_also: lmnet, videotestsrc
 *
 * Draws what a colonoscope sees on its way through a colon that never was, with polyps in it; or,
 * with `content=truth`, where in that picture they are: 255 in each pixel that shows a polyp, 0
 * elsewhere. Frames depend on the properties, the size and the frame's number alone, so that two
 * sources of equal properties show view and truth of one scene, and every run is like the one
 * before. Each frame of a view carries one #GstVideoRegionOfInterestMeta of the type `truth` per
 * polyp in sight; its id is the polyp's, as long as the stream lasts.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 endoscopytestsrc num-buffers=300 screen=octagon ! lmnet ! \
 *   videoconvert ! x264enc ! mp4mux ! filesink location=demo.mp4
 * ]| Ten seconds of it with lmnet's marks, to a file.
 * |[
 * gst-launch-1.0 endoscopytestsrc is-live=true n-threads=0 ! lmnet ! queue ! \
 *   videoconvert ! autovideosink
 * ]| The same on the screen, as from a camera.
 * |[
 * gst-launch-1.0 -e \
 *   endoscopytestsrc seed=7 num-buffers=300 ! \
 *   videoconvert ! x264enc ! mp4mux ! filesink location=view.mp4 \
 *   endoscopytestsrc seed=7 num-buffers=300 content=truth ! \
 *   videoconvert ! x264enc ! mp4mux ! filesink location=truth.mp4
 * ]| View and truth of one scene.
 */
#include "gstendoscopytestsrc.h"

#include <stdbool.h>
#include <string.h>

#include "gstlmframe.h"
#include "gstlmpack.h"

GST_DEBUG_CATEGORY_STATIC(gst_endoscopy_test_src_debug);
#define GST_CAT_DEFAULT gst_endoscopy_test_src_debug

#define SIDE "(int) [ " G_STRINGIFY(LM_SCENE_MIN_SIZE) ", " G_STRINGIFY(LM_SCENE_MAX_SIZE) " ]"
#define CAPS(formats)                                                                              \
    "video/x-raw, format = (string) " formats ", width = " SIDE ", height = " SIDE                 \
    ", framerate = (fraction) [ 0, max ], interlace-mode = (string) progressive"
#define VIEW_CAPS CAPS("{ " GST_LM_VIDEO_FORMATS_8 " }")
#define TRUTH_CAPS CAPS("GRAY8")

#define DEFAULT_SEED 0
#define DEFAULT_POLYPS 3
#define DEFAULT_MOTION 0.5
#define DEFAULT_NOISE 0.25
#define DEFAULT_SCREEN LM_SCENE_SCREEN_NONE
#define DEFAULT_CONTENT CONTENT_VIEW
#define DEFAULT_N_THREADS 1

typedef enum { CONTENT_VIEW, CONTENT_TRUTH } Content;

enum {
    PROP_0,
    PROP_SEED,
    PROP_POLYPS,
    PROP_MOTION,
    PROP_NOISE,
    PROP_SCREEN,
    PROP_CONTENT,
    PROP_IS_LIVE,
    PROP_N_THREADS,
};

struct _GstEndoscopyTestSrc {
    GstPushSrc parent;

    /* Under the object lock; the properties stay as they are while running. */
    LmSceneParams params; /* threads is the property: 0 means one per processor. */
    Content content;
    bool running;
    GstVideoInfo info;

    /* Streaming thread. */
    LmScene *scene;                 /* Of `params`. */
    GstVideoChromaResample *chroma; /* NULL where the format has all of it. */
    GstClockTime seek_position;     /* NONE: `number` is known. */
    bool reverse;
    gint64 number; /* Of the next frame; -1: before the first. */
};

G_DEFINE_TYPE(GstEndoscopyTestSrc, gst_endoscopy_test_src, GST_TYPE_PUSH_SRC)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(endoscopytestsrc, "endoscopytestsrc", GST_RANK_NONE,
                                      GST_TYPE_ENDOSCOPY_TEST_SRC,
                                      GST_DEBUG_CATEGORY_INIT(gst_endoscopy_test_src_debug,
                                                              "endoscopytestsrc", 0,
                                                              "synthetic colonoscopy"))

/* --- Properties ------------------------------------------------------------------------------ */

static GType gst_endoscopy_test_src_screen_get_type(void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        {LM_SCENE_SCREEN_NONE, "The picture alone fills the frame", "none"},
        {LM_SCENE_SCREEN_ROUND, "A round picture in a captured screen", "round"},
        {LM_SCENE_SCREEN_OCTAGON, "A picture with cut corners in a captured screen", "octagon"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstEndoscopyTestSrcScreen", values));
    return type;
}

static GType gst_endoscopy_test_src_content_get_type(void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        {CONTENT_VIEW, "What the camera sees", "view"},
        {CONTENT_TRUTH, "255 where a polyp is seen, 0 elsewhere", "truth"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstEndoscopyTestSrcContent", values));
    return type;
}

/* Under the object lock. False where there is no such property. */
static bool set_scene_property(GstEndoscopyTestSrc *self, guint id, const GValue *value)
{
    switch (id) {
    case PROP_SEED:
        self->params.seed = g_value_get_uint(value);
        return true;
    case PROP_POLYPS:
        self->params.polyps = g_value_get_uint(value);
        return true;
    case PROP_MOTION:
        self->params.motion = g_value_get_double(value);
        return true;
    case PROP_NOISE:
        self->params.noise = g_value_get_double(value);
        return true;
    case PROP_SCREEN:
        self->params.screen = (LmSceneScreen)g_value_get_enum(value);
        return true;
    case PROP_CONTENT:
        self->content = (Content)g_value_get_enum(value);
        return true;
    case PROP_N_THREADS:
        self->params.threads = g_value_get_uint(value);
        return true;
    default:
        return false;
    }
}

static void gst_endoscopy_test_src_set_property(GObject *object, guint id, const GValue *value,
                                                GParamSpec *pspec)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(object);

    GST_OBJECT_LOCK(self);
    bool running = self->running;
    bool known = id == PROP_IS_LIVE || running || set_scene_property(self, id, value);
    GST_OBJECT_UNLOCK(self);

    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    else if (running)
        GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                            ("Property %s changes in READY or below only.", pspec->name), (NULL));
    else if (id == PROP_IS_LIVE)
        gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
}

static void gst_endoscopy_test_src_get_property(GObject *object, guint id, GValue *value,
                                                GParamSpec *pspec)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(object);
    if (id == PROP_IS_LIVE) {
        g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
        return;
    }

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_SEED:
        g_value_set_uint(value, self->params.seed);
        break;
    case PROP_POLYPS:
        g_value_set_uint(value, self->params.polyps);
        break;
    case PROP_MOTION:
        g_value_set_double(value, self->params.motion);
        break;
    case PROP_NOISE:
        g_value_set_double(value, self->params.noise);
        break;
    case PROP_SCREEN:
        g_value_set_enum(value, (gint)self->params.screen);
        break;
    case PROP_CONTENT:
        g_value_set_enum(value, (gint)self->content);
        break;
    case PROP_N_THREADS:
        g_value_set_uint(value, self->params.threads);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
    GST_OBJECT_UNLOCK(self);
}

/* --- Negotiation ----------------------------------------------------------------------------- */

static Content get_content(GstEndoscopyTestSrc *self)
{
    GST_OBJECT_LOCK(self);
    Content content = self->content;
    GST_OBJECT_UNLOCK(self);
    return content;
}

static GstCaps *gst_endoscopy_test_src_get_caps(GstBaseSrc *src, GstCaps *filter)
{
    static GstStaticCaps view_caps = GST_STATIC_CAPS(VIEW_CAPS);
    static GstStaticCaps truth_caps = GST_STATIC_CAPS(TRUTH_CAPS);
    bool truth = get_content(GST_ENDOSCOPY_TEST_SRC(src)) == CONTENT_TRUTH;
    GstCaps *caps = gst_static_caps_get(truth ? &truth_caps : &view_caps);
    if (filter) {
        GstCaps *common = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(caps);
        return common;
    }
    return caps;
}

/* The base class would not say what does not fit. */
static void report_no_common_caps(GstEndoscopyTestSrc *self, const GstCaps *peer,
                                  const GstCaps *own)
{
    char *asked = gst_caps_to_string(peer), *given = gst_caps_to_string(own);
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("The next element takes %s, but content=%s gives %s.", asked,
                       get_content(self) == CONTENT_TRUTH ? "truth" : "view", given),
                      (NULL));
    g_free(asked);
    g_free(given);
}

static gboolean gst_endoscopy_test_src_negotiate(GstBaseSrc *src)
{
    GstCaps *own = gst_pad_query_caps(GST_BASE_SRC_PAD(src), NULL);
    GstCaps *peer = gst_pad_peer_query_caps(GST_BASE_SRC_PAD(src), NULL);
    bool possible = gst_caps_can_intersect(peer, own);
    if (!possible)
        report_no_common_caps(GST_ENDOSCOPY_TEST_SRC(src), peer, own);
    gst_caps_unref(peer);
    gst_caps_unref(own);
    return possible && GST_BASE_SRC_CLASS(gst_endoscopy_test_src_parent_class)->negotiate(src);
}

/* Where there is a choice of formats, one that every encoder and player takes: what the next
 * element names first may be what few can play. */
static void prefer_common_format(GstStructure *structure)
{
    static const char *const formats[] = {"NV12", "I420"};
    const GValue *offered = gst_structure_get_value(structure, "format");
    for (guint i = 0; offered && i < G_N_ELEMENTS(formats); i++) {
        GValue format = G_VALUE_INIT;
        g_value_init(&format, G_TYPE_STRING);
        g_value_set_static_string(&format, formats[i]);
        if (gst_value_is_subset(&format, offered)) {
            gst_structure_take_value(structure, "format", &format);
            return;
        }
        g_value_unset(&format);
    }
}

static GstCaps *gst_endoscopy_test_src_fixate(GstBaseSrc *src, GstCaps *caps)
{
    caps = gst_caps_make_writable(caps);
    GstStructure *structure = gst_caps_get_structure(caps, 0);
    gst_structure_fixate_field_nearest_int(structure, "width", 640);
    gst_structure_fixate_field_nearest_int(structure, "height", 480);
    gst_structure_fixate_field_nearest_fraction(structure, "framerate", 30, 1);
    prefer_common_format(structure);
    if (gst_structure_has_field(structure, "pixel-aspect-ratio"))
        gst_structure_fixate_field_nearest_fraction(structure, "pixel-aspect-ratio", 1, 1);
    else
        gst_structure_set(structure, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
    return GST_BASE_SRC_CLASS(gst_endoscopy_test_src_parent_class)->fixate(src, caps);
}

/* Makes the scene anew where its parameters changed. At the first frame that needs it, for it takes
 * long: if that were while caps are agreed on, a filter after this element would often change them
 * meanwhile, which ends the stream. */
static bool update_scene(GstEndoscopyTestSrc *self, const GstVideoInfo *info)
{
    const guint width = (guint)GST_VIDEO_INFO_WIDTH(info);
    const guint height = (guint)GST_VIDEO_INFO_HEIGHT(info);
    const LmSceneColor color = gst_lm_pack_color(info);

    GST_OBJECT_LOCK(self);
    bool keep = self->scene && self->params.width == width && self->params.height == height &&
                memcmp(&self->params.color, &color, sizeof color) == 0;
    self->params.width = width;
    self->params.height = height;
    self->params.color = color;
    LmSceneParams params = self->params;
    GST_OBJECT_UNLOCK(self);
    if (keep)
        return true;

    if (params.threads == 0)
        params.threads = MIN(g_get_num_processors(), LM_SCENE_MAX_THREADS);
    GError *error = NULL;
    lm_scene_free(&self->scene);
    self->scene = lm_scene_create(&params, &error);
    if (!self->scene)
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
    g_clear_error(&error);
    return self->scene != NULL;
}

/* --- Times ----------------------------------------------------------------------------------- */

/* When a frame begins. A still picture, at a rate of 0, is one frame. */
static GstClockTime time_of(const GstVideoInfo *info, gint64 number)
{
    return GST_VIDEO_INFO_FPS_N(info) == 0
               ? 0
               : gst_util_uint64_scale((guint64)number,
                                       (guint64)GST_VIDEO_INFO_FPS_D(info) * GST_SECOND,
                                       (guint64)GST_VIDEO_INFO_FPS_N(info));
}

/* How many frames begin before a time. */
static gint64 frames_before(const GstVideoInfo *info, GstClockTime time)
{
    return GST_VIDEO_INFO_FPS_N(info) == 0 ? time > 0
                                           : (gint64)gst_util_uint64_scale_ceil(
                                                 time, (guint64)GST_VIDEO_INFO_FPS_N(info),
                                                 (guint64)GST_VIDEO_INFO_FPS_D(info) * GST_SECOND);
}

/* A seek may come before the frame rate is known, so that only here it becomes a frame's number:
 * the one that is on at the position; in reverse, that up to the position. */
static void settle_number(GstEndoscopyTestSrc *self)
{
    if (!GST_CLOCK_TIME_IS_VALID(self->seek_position))
        return;
    GstClockTime end = self->reverse ? self->seek_position : self->seek_position + 1;
    self->number = frames_before(&self->info, end) - 1;
    self->seek_position = GST_CLOCK_TIME_NONE;
}

/* At another rate the frames have other numbers: goes on at the same time. */
static void change_rate(GstEndoscopyTestSrc *self, const GstVideoInfo *info)
{
    if (GST_CLOCK_TIME_IS_VALID(self->seek_position) ||
        (GST_VIDEO_INFO_FPS_N(info) == GST_VIDEO_INFO_FPS_N(&self->info) &&
         GST_VIDEO_INFO_FPS_D(info) == GST_VIDEO_INFO_FPS_D(&self->info)))
        return;
    if (self->reverse)
        self->number = frames_before(info, time_of(&self->info, self->number + 1)) - 1;
    else
        self->number = frames_before(info, time_of(&self->info, self->number));
}

static gboolean gst_endoscopy_test_src_set_caps(GstBaseSrc *src, GstCaps *caps)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps))
        return FALSE;

    change_rate(self, &info);
    GST_OBJECT_LOCK(self);
    self->info = info;
    GST_OBJECT_UNLOCK(self);
    g_clear_pointer(&self->chroma, gst_video_chroma_resample_free);
    self->chroma = gst_lm_pack_chroma_new(&info);
    if (gst_base_src_is_live(src))
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
    return TRUE;
}

static gboolean gst_endoscopy_test_src_decide_allocation(GstBaseSrc *src, GstQuery *query)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    GstBufferPool *pool = NULL;
    GstCaps *caps;
    guint size = 0, min = 0, max = 0;
    bool proposed = gst_query_get_n_allocation_pools(query) > 0;
    if (proposed)
        gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &min, &max);
    if (!pool)
        pool = gst_video_buffer_pool_new();
    size = MAX(size, (guint)GST_VIDEO_INFO_SIZE(&self->info));

    gst_query_parse_allocation(query, &caps, NULL);
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, size, min, max);
    if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL))
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
    /* A pool that takes nothing of this is the base class's to refuse. */
    gst_buffer_pool_set_config(pool, config);
    if (proposed)
        gst_query_set_nth_allocation_pool(query, 0, pool, size, min, max);
    else
        gst_query_add_allocation_pool(query, pool, size, min, max);
    gst_object_unref(pool);
    return GST_BASE_SRC_CLASS(gst_endoscopy_test_src_parent_class)->decide_allocation(src, query);
}

static gboolean gst_endoscopy_test_src_is_seekable(GstBaseSrc *src)
{
    return !gst_base_src_is_live(src);
}

static gboolean gst_endoscopy_test_src_do_seek(GstBaseSrc *src, GstSegment *segment)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    if (!GST_CLOCK_TIME_IS_VALID(segment->position))
        return FALSE;
    /* What is live only begins. The base class sees to that itself where a seek comes by the pad,
     * but not where it comes by the element. */
    if (gst_base_src_is_live(src) && segment->position != self->seek_position)
        return FALSE;
    segment->time = segment->start;
    self->seek_position = segment->position;
    self->reverse = segment->rate < 0;
    return TRUE;
}

/* Only what is live waits for the clock. */
static void gst_endoscopy_test_src_get_times(GstBaseSrc *src, GstBuffer *buffer,
                                             GstClockTime *start, GstClockTime *end)
{
    *start = *end = GST_CLOCK_TIME_NONE;
    if (!gst_base_src_is_live(src))
        return;
    *start = GST_BUFFER_PTS(buffer);
    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        *end = *start + GST_BUFFER_DURATION(buffer);
}

static gboolean gst_endoscopy_test_src_query(GstBaseSrc *src, GstQuery *query)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    GST_OBJECT_LOCK(self);
    const GstVideoInfo info = self->info;
    GST_OBJECT_UNLOCK(self);
    const bool known = GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_UNKNOWN;
    const bool rated = known && GST_VIDEO_INFO_FPS_N(&info) > 0;
    GstFormat from, to;
    gint64 value, converted;

    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CONVERT:
        gst_query_parse_convert(query, &from, &value, &to, NULL);
        if (!rated || !gst_video_info_convert(&info, from, value, to, &converted))
            break;
        gst_query_set_convert(query, from, value, to, converted);
        return TRUE;
    case GST_QUERY_LATENCY:
        if (!rated)
            break;
        gst_query_set_latency(query, gst_base_src_is_live(src), time_of(&info, 1),
                              GST_CLOCK_TIME_NONE);
        return TRUE;
    case GST_QUERY_DURATION:
        gst_query_parse_duration(query, &to, NULL);
        if (src->num_buffers < 0 || !rated ||
            !gst_video_info_convert(&info, GST_FORMAT_DEFAULT, src->num_buffers, to, &converted))
            break;
        gst_query_set_duration(query, to, converted);
        return TRUE;
    default:
        break;
    }
    return GST_BASE_SRC_CLASS(gst_endoscopy_test_src_parent_class)->query(src, query);
}

/* --- Frames ---------------------------------------------------------------------------------- */

static void attach_truth(GstEndoscopyTestSrc *self, GstBuffer *buffer)
{
    LmScenePolyp polyps[LM_SCENE_MAX_VISIBLE];
    guint n = lm_scene_visible(self->scene, polyps);
    for (guint i = 0; i < n; i++) {
        GstVideoRegionOfInterestMeta *meta = gst_buffer_add_video_region_of_interest_meta(
            buffer, "truth", polyps[i].x, polyps[i].y, polyps[i].width, polyps[i].height);
        meta->id = (gint)polyps[i].id;
    }
}

static GstFlowReturn gst_endoscopy_test_src_fill(GstPushSrc *push, GstBuffer *buffer)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(push);
    settle_number(self);
    const gint64 number = self->number;
    if (number < 0 || (number > 0 && GST_VIDEO_INFO_FPS_N(&self->info) == 0))
        return GST_FLOW_EOS;
    if (!update_scene(self, &self->info))
        return GST_FLOW_ERROR;

    GstLmCanvas canvas = {.chroma = self->chroma};
    /* What lies beside the pixels is to be the same in every run, too. */
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
    if (!gst_video_frame_map(&canvas.frame, &self->info, buffer, GST_MAP_WRITE)) {
        GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("A frame's memory cannot be written to."),
                          ("the buffer does not fit the caps"));
        return GST_FLOW_ERROR;
    }
    const bool truth = get_content(self) == CONTENT_TRUTH;
    if (truth)
        lm_scene_draw_truth(self->scene, (guint64)number, gst_lm_pack_truth, &canvas);
    else
        lm_scene_draw(self->scene, (guint64)number, gst_lm_pack_view, &canvas);
    gst_video_frame_unmap(&canvas.frame);
    if (!truth)
        attach_truth(self, buffer);

    GST_BUFFER_PTS(buffer) = time_of(&self->info, number);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_DURATION(buffer) = GST_VIDEO_INFO_FPS_N(&self->info) == 0
                                      ? GST_CLOCK_TIME_NONE
                                      : time_of(&self->info, number + 1) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_OFFSET(buffer) = (guint64)number;
    GST_BUFFER_OFFSET_END(buffer) = (guint64)number + 1;
    self->number += self->reverse ? -1 : 1;
    return GST_FLOW_OK;
}

/* --- States ---------------------------------------------------------------------------------- */

static void set_running(GstEndoscopyTestSrc *self, bool running)
{
    GST_OBJECT_LOCK(self);
    self->running = running;
    gst_video_info_init(&self->info);
    GST_OBJECT_UNLOCK(self);
}

static gboolean gst_endoscopy_test_src_start(GstBaseSrc *src)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    /* The base class goes on with a seek to where the stream begins. */
    self->seek_position = 0;
    set_running(self, true);
    return TRUE;
}

static gboolean gst_endoscopy_test_src_stop(GstBaseSrc *src)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(src);
    lm_scene_free(&self->scene);
    g_clear_pointer(&self->chroma, gst_video_chroma_resample_free);
    set_running(self, false);
    return TRUE;
}

/* --- The class ------------------------------------------------------------------------------- */

static void install_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(klass, PROP_SEED,
                                    g_param_spec_uint("seed", "Seed", "Which colon is drawn", 0,
                                                      G_MAXUINT32, DEFAULT_SEED, flags));
    g_object_class_install_property(
        klass, PROP_POLYPS,
        g_param_spec_uint("polyps", "Polyps", "How many there are in each stretch of colon", 0,
                          LM_SCENE_MAX_POLYPS, DEFAULT_POLYPS, flags));
    g_object_class_install_property(klass, PROP_MOTION,
                                    g_param_spec_double("motion", "Motion",
                                                        "Of the camera (0: it stands still)", 0, 1,
                                                        DEFAULT_MOTION, flags));
    g_object_class_install_property(klass, PROP_NOISE,
                                    g_param_spec_double("noise", "Noise",
                                                        "Of the camera's sensor (0: none)", 0, 1,
                                                        DEFAULT_NOISE, flags));
    g_object_class_install_property(
        klass, PROP_SCREEN,
        g_param_spec_enum("screen", "Screen", "What is around the picture",
                          gst_endoscopy_test_src_screen_get_type(), DEFAULT_SCREEN, flags));
    g_object_class_install_property(klass, PROP_CONTENT,
                                    g_param_spec_enum("content", "Content", "What the frames show",
                                                      gst_endoscopy_test_src_content_get_type(),
                                                      DEFAULT_CONTENT, flags));
    g_object_class_install_property(
        klass, PROP_IS_LIVE,
        g_param_spec_boolean("is-live", "Is live",
                             "Frames come at their time, as from a camera; no seeking", FALSE,
                             flags));
    g_object_class_install_property(
        klass, PROP_N_THREADS,
        g_param_spec_uint("n-threads", "Threads",
                          "How many draw; the frames are the same (0: one per processor)", 0,
                          LM_SCENE_MAX_THREADS, DEFAULT_N_THREADS, flags));
    gst_type_mark_as_plugin_api(gst_endoscopy_test_src_screen_get_type(), 0);
    gst_type_mark_as_plugin_api(gst_endoscopy_test_src_content_get_type(), 0);
}

static void gst_endoscopy_test_src_class_init(GstEndoscopyTestSrcClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS(klass);

    object_class->set_property = gst_endoscopy_test_src_set_property;
    object_class->get_property = gst_endoscopy_test_src_get_property;
    install_properties(object_class);

    gst_element_class_set_static_metadata(element_class, "Endoscopy test source", "Source/Video",
                                          "Draws a synthetic colonoscopy, or its ground truth",
                                          "The LM-Net live authors");
    gst_lm_frame_add_pad_template(element_class, GST_PAD_SRC, VIEW_CAPS "; " TRUTH_CAPS);

    src_class->get_caps = gst_endoscopy_test_src_get_caps;
    src_class->negotiate = gst_endoscopy_test_src_negotiate;
    src_class->fixate = gst_endoscopy_test_src_fixate;
    src_class->set_caps = gst_endoscopy_test_src_set_caps;
    src_class->decide_allocation = gst_endoscopy_test_src_decide_allocation;
    src_class->is_seekable = gst_endoscopy_test_src_is_seekable;
    src_class->do_seek = gst_endoscopy_test_src_do_seek;
    src_class->get_times = gst_endoscopy_test_src_get_times;
    src_class->query = gst_endoscopy_test_src_query;
    src_class->start = gst_endoscopy_test_src_start;
    src_class->stop = gst_endoscopy_test_src_stop;
    GST_PUSH_SRC_CLASS(klass)->fill = gst_endoscopy_test_src_fill;
}

static void gst_endoscopy_test_src_init(GstEndoscopyTestSrc *self)
{
    self->params = (LmSceneParams){
        .seed = DEFAULT_SEED,
        .polyps = DEFAULT_POLYPS,
        .motion = DEFAULT_MOTION,
        .noise = DEFAULT_NOISE,
        .screen = DEFAULT_SCREEN,
        .threads = DEFAULT_N_THREADS,
    };
    self->content = DEFAULT_CONTENT;
    gst_video_info_init(&self->info);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
    gst_base_src_set_live(GST_BASE_SRC(self), FALSE);
}
