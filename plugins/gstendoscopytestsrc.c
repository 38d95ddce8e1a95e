/* SPDX-License-Identifier: LGPL-2.1-or-later
 * endoscopytestsrc: a synthetic colonoscopy, or its ground truth, as a video source. */
/**
 * SECTION:element-endoscopytestsrc
 * @title: endoscopytestsrc
 * @see_also: lmnet, videotestsrc
 *
 * Draws the view of a colonoscope on its way through an invented colon with polyps; or, with
 * `content=truth`, the polyps in that view: 255 in each pixel that shows a polyp, else 0. Frames
 * depend only on the properties, the size and the frame's number, so that two sources of equal
 * properties show view and truth of one scene, and every run gives the same frames. Each frame of a
 * view carries one #GstVideoRegionOfInterestMeta of the type `truth` per polyp in sight; its id is
 * the polyp's for as long as the stream lasts.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 endoscopytestsrc num-buffers=300 screen=octagon ! lmnet ! \
 *   videoconvert ! x264enc ! mp4mux ! filesink location=demo.mp4
 * ]| Writes ten seconds with lmnet's marks to a file.
 * |[
 * gst-launch-1.0 endoscopytestsrc is-live=true n-threads=0 ! lmnet ! queue ! \
 *   videoconvert ! autovideosink
 * ]| Shows the same on the screen, live.
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

#include "gstendoscopysettings.h"
#include "gstlmerror.h"
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

struct _GstEndoscopyTestSrc {
    GstPushSrc parent;

    /* Under the object lock; the settings do not change while running. */
    GstEndoscopySettings settings;
    bool running;
    GstVideoInfo info;

    /* Streaming thread. */
    LmScene *scene;                 /* Of the settings. */
    GstVideoChromaResample *chroma; /* NULL if the format is not subsampled. */
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

static void gst_endoscopy_test_src_set_property(GObject *object, guint id, const GValue *value,
                                                GParamSpec *pspec)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(object);

    GST_OBJECT_LOCK(self);
    bool running = self->running;
    bool known = id == GST_ENDOSCOPY_PROP_IS_LIVE || running ||
                 gst_endoscopy_settings_set(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);

    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    else if (running)
        gst_lm_error_refuse_property(GST_ELEMENT(self), pspec);
    else if (id == GST_ENDOSCOPY_PROP_IS_LIVE)
        gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
}

static void gst_endoscopy_test_src_get_property(GObject *object, guint id, GValue *value,
                                                GParamSpec *pspec)
{
    GstEndoscopyTestSrc *self = GST_ENDOSCOPY_TEST_SRC(object);
    if (id == GST_ENDOSCOPY_PROP_IS_LIVE) {
        g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
        return;
    }
    GST_OBJECT_LOCK(self);
    const bool known = gst_endoscopy_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/* --- Negotiation ----------------------------------------------------------------------------- */

static bool shows_truth(GstEndoscopyTestSrc *self)
{
    GST_OBJECT_LOCK(self);
    const bool truth = self->settings.content == GST_ENDOSCOPY_TRUTH;
    GST_OBJECT_UNLOCK(self);
    return truth;
}

static GstCaps *gst_endoscopy_test_src_get_caps(GstBaseSrc *src, GstCaps *filter)
{
    static GstStaticCaps view_caps = GST_STATIC_CAPS(VIEW_CAPS);
    static GstStaticCaps truth_caps = GST_STATIC_CAPS(TRUTH_CAPS);
    bool truth = shows_truth(GST_ENDOSCOPY_TEST_SRC(src));
    GstCaps *caps = gst_static_caps_get(truth ? &truth_caps : &view_caps);
    if (filter) {
        GstCaps *common = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(caps);
        return common;
    }
    return caps;
}

/* The base class would not name the formats that do not fit. */
static void report_no_common_caps(GstEndoscopyTestSrc *self, const GstCaps *peer,
                                  const GstCaps *own)
{
    char *taken = gst_caps_to_string(peer), *given = gst_caps_to_string(own);
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("The next element takes %s, but content=%s gives %s.", taken,
                       shows_truth(self) ? "truth" : "view", given),
                      (NULL));
    g_free(taken);
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

/* Prefers a format that every encoder and player takes, if there is a choice: few may play the one
 * that the next element names first. */
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

/* Creates the scene again if its parameters have changed. At the first frame that needs it, for it
 * takes long: during negotiation, a filter after this element would often change the caps
 * meanwhile, which ends the stream. */
static bool update_scene(GstEndoscopyTestSrc *self, const GstVideoInfo *info)
{
    const guint width = (guint)GST_VIDEO_INFO_WIDTH(info);
    const guint height = (guint)GST_VIDEO_INFO_HEIGHT(info);
    const LmSceneColor color = gst_lm_pack_color(info);

    GST_OBJECT_LOCK(self);
    bool keep = self->scene && self->settings.scene.width == width &&
                self->settings.scene.height == height &&
                memcmp(&self->settings.scene.color, &color, sizeof color) == 0;
    self->settings.scene.width = width;
    self->settings.scene.height = height;
    self->settings.scene.color = color;
    LmSceneParams params = self->settings.scene;
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

/* The time at which a frame begins. A still picture, at a rate of 0, is one frame. */
static GstClockTime time_of(const GstVideoInfo *info, gint64 number)
{
    return GST_VIDEO_INFO_FPS_N(info) == 0
               ? 0
               : gst_util_uint64_scale((guint64)number,
                                       (guint64)GST_VIDEO_INFO_FPS_D(info) * GST_SECOND,
                                       (guint64)GST_VIDEO_INFO_FPS_N(info));
}

/* The number of frames that begin before a time. */
static gint64 frames_before(const GstVideoInfo *info, GstClockTime time)
{
    return GST_VIDEO_INFO_FPS_N(info) == 0 ? time > 0
                                           : (gint64)gst_util_uint64_scale_ceil(
                                                 time, (guint64)GST_VIDEO_INFO_FPS_N(info),
                                                 (guint64)GST_VIDEO_INFO_FPS_D(info) * GST_SECOND);
}

/* A seek may come before the frame rate is known, so it becomes a frame's number only here: the
 * frame that is shown at the position; in reverse, the frame that leads up to it. */
static void resolve_seek(GstEndoscopyTestSrc *self)
{
    if (!GST_CLOCK_TIME_IS_VALID(self->seek_position))
        return;
    GstClockTime end = self->reverse ? self->seek_position : self->seek_position + 1;
    self->number = frames_before(&self->info, end) - 1;
    self->seek_position = GST_CLOCK_TIME_NONE;
}

/* At another rate the frames have other numbers: continues at the same time. */
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
    /* If the pool refuses the configuration, the base class reports it. */
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
    /* A live source only begins. The base class ensures that if a seek comes through the pad, but
     * not if it comes through the element. */
    if (gst_base_src_is_live(src) && segment->position != self->seek_position)
        return FALSE;
    segment->time = segment->start;
    self->seek_position = segment->position;
    self->reverse = segment->rate < 0;
    return TRUE;
}

/* Only a live source waits for the clock. */
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
    resolve_seek(self);
    const gint64 number = self->number;
    if (number < 0 || (number > 0 && GST_VIDEO_INFO_FPS_N(&self->info) == 0))
        return GST_FLOW_EOS;
    if (!update_scene(self, &self->info))
        return GST_FLOW_ERROR;

    GstLmCanvas canvas = {.chroma = self->chroma};
    /* Bytes beside the pixels must be the same in every run, too. */
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
    if (!gst_video_frame_map(&canvas.frame, &self->info, buffer, GST_MAP_WRITE)) {
        GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("A frame's memory cannot be written to."),
                          ("the buffer does not fit the caps"));
        return GST_FLOW_ERROR;
    }
    const bool truth = shows_truth(self);
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
    /* The base class then seeks to the beginning of the stream. */
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

static void gst_endoscopy_test_src_class_init(GstEndoscopyTestSrcClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS(klass);

    object_class->set_property = gst_endoscopy_test_src_set_property;
    object_class->get_property = gst_endoscopy_test_src_get_property;
    gst_endoscopy_settings_install(object_class);

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
    gst_endoscopy_settings_init(&self->settings);
    gst_video_info_init(&self->info);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
    gst_base_src_set_live(GST_BASE_SRC(self), FALSE);
}
