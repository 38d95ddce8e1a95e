/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lays out the upload of a frame's region, prepares the resize's tables, and records the two passes
 * of shaders/preprocess_*.comp. */
#include "exec/preprocess.h"

#include <string.h>

#include "exec/resize-filter.h"
#include "gpu/staging.h"
#include "util/error.h"
#include "util/numeric.h"

/* The same values as in the shaders. */
enum family { SEMI_PLANAR_8, PLANAR_8, PACKED_422, V210, SEMI_PLANAR_10, RGB_32, RGB_24 };
enum { GROUP_WIDTH = 32, ROWS_PER_INVOCATION = 4 };

/* The first pass reads whole quads of pixels, at most 16 bytes, of which all but one pixel may lie
 * past the last row's end; for v210 it reads a word more. */
#define READ_PAST 32

/* The rounding step of a pass that resizes: see shaders/include/resize.glsl. */
#define LEVELS 255

/** The place of a plane's part of the region in the frame and in the upload. */
typedef struct {
    gsize x_bytes, y; /**< In the frame: bytes to the left of it, rows above it. */
    gsize bytes;      /**< Bytes of a row. */
    gsize n_rows;
    gsize pitch; /**< Of the upload's rows: bytes, rounded up to a word. */
    gsize offset;
} PlanePart;

typedef struct {
    float scale[4], from_u[4], from_v[4], offset[4];
    guint32 base[3], width, stride[3], rows, shift[3], n_quads;
    guint32 chroma_shift, chroma_phase;
} RowsPush;

typedef struct {
    float scale[4], offset[4];
    guint32 width, height, last_row, table, n_quads;
} ColumnsPush;

G_STATIC_ASSERT(sizeof(RowsPush) <= LM_PUSH_BYTES && sizeof(ColumnsPush) <= LM_PUSH_BYTES);

struct LmPreprocess {
    LmDevice *device; /* Not owned. */
    VkPipelineLayout layout;
    VkPipeline rows, columns; /* Owned by the pipelines. */
    LmPreprocessParams params;
    PlanePart parts[LM_MAX_PLANES];
    VkDeviceSize upload_size;
    RowsPush rows_push;
    ColumnsPush columns_push;
    LmBuffer table, between;
    VkBufferView table_view, between_view;
    /* If the device has its own memory, the upload is copied there once, instead of being read over
     * the bus again and again. */
    LmBuffer local;
    VkBufferView local_view;
};

static enum family find_family(LmFormat format)
{
    switch (format) {
    case LM_FORMAT_NV12:
        return SEMI_PLANAR_8;
    case LM_FORMAT_I420:
    case LM_FORMAT_YV12:
    case LM_FORMAT_Y42B:
        return PLANAR_8;
    case LM_FORMAT_YUY2:
    case LM_FORMAT_UYVY:
        return PACKED_422;
    case LM_FORMAT_V210:
        return V210;
    case LM_FORMAT_P010_10LE:
        return SEMI_PLANAR_10;
    case LM_FORMAT_RGBA:
    case LM_FORMAT_BGRA:
    case LM_FORMAT_ARGB:
    case LM_FORMAT_ABGR:
    case LM_FORMAT_RGBX:
    case LM_FORMAT_BGRX:
    case LM_FORMAT_XRGB:
    case LM_FORMAT_XBGR:
        return RGB_32;
    case LM_FORMAT_RGB:
    case LM_FORMAT_BGR:
        return RGB_24;
    case LM_N_FORMATS:
        break;
    }
    g_assert_not_reached();
}

/* The first pixel of the upload, such that no unit of any plane is cut. */
static unsigned upload_begin(const LmPreprocessParams *params)
{
    const LmFormatInfo *format = lm_format_info(params->frame.format);
    unsigned pixels = 1;
    for (unsigned i = 0; i < format->n_planes; i++)
        pixels = MAX(pixels, format->unit_pixels[i]);
    return params->region.x / pixels * pixels;
}

static void lay_out_upload(LmPreprocess *preprocess)
{
    const LmPreprocessParams *params = &preprocess->params;
    const LmFormatInfo *format = lm_format_info(params->frame.format);
    gsize begin = upload_begin(params), end = params->region.x + params->region.width;
    gsize offset = 0;
    for (unsigned i = 0; i < format->n_planes; i++) {
        gsize pixels = format->unit_pixels[i], sub = format->plane_v_sub[i];
        gsize units = (gsize)(lm_ceil_div(end, pixels) - begin / pixels);
        PlanePart *part = &preprocess->parts[i];
        *part = (PlanePart){
            .x_bytes = begin / pixels * format->unit_bytes[i],
            .y = params->region.y >> sub,
            .bytes = units * format->unit_bytes[i],
            .offset = offset,
        };
        part->n_rows = ((params->region.y + params->region.height - 1) >> sub) + 1 - part->y;
        part->pitch = (part->bytes + 3) / 4 * 4;
        offset += part->pitch * part->n_rows;
    }
    preprocess->upload_size = offset + READ_PAST;
}

static void fill_rows_push(LmPreprocess *preprocess)
{
    const LmPreprocessParams *params = &preprocess->params;
    const LmFormatInfo *format = lm_format_info(params->frame.format);
    RowsPush *push = &preprocess->rows_push;
    double m[3][4];
    lm_frame_to_rgb(&params->frame, m);
    push->width = params->width;
    push->rows = params->region.height;
    push->offset[3] = params->width != params->region.width ? LEVELS : 0;
    push->chroma_shift = format->v_sub;
    push->chroma_phase = params->region.y & ((1 << format->v_sub) - 1);
    for (int i = 0; i < 3; i++) {
        /* The colour of the network's channel i: reordering here costs the shader nothing. */
        int color = params->bgr ? 2 - i : i;
        push->scale[i] = (float)m[color][format->yuv ? 0 : color];
        push->offset[i] = (float)m[color][3];
        if (format->yuv) {
            push->from_u[i] = (float)m[color][1];
            push->from_v[i] = (float)m[color][2];
        }
        const LmComponent *component = &format->component[format->yuv ? i : color];
        const PlanePart *part = &preprocess->parts[component->plane];
        push->base[i] = part->offset / 4;
        push->stride[i] = part->pitch / 4;
        push->shift[i] = component->offset * 8;
    }
}

static void fill_columns_push(LmPreprocess *preprocess)
{
    const LmPreprocessParams *params = &preprocess->params;
    ColumnsPush *push = &preprocess->columns_push;
    for (int i = 0; i < 3; i++) {
        push->scale[i] = (float)(1 / params->std[i]);
        push->offset[i] = (float)(-params->mean[i] / params->std[i]);
    }
    push->width = params->width;
    push->height = params->height;
    push->last_row = params->region.height - 1;
    push->offset[3] = params->height != params->region.height ? LEVELS : 0;
}

/* Makes a buffer on the device that holds `size` bytes of `data`. */
static bool init_filled(LmBuffer *buffer, LmDevice *device, const void *data, gsize size,
                        const char *name, GError **error)
{
    return lm_buffer_init(buffer, device, LM_BUFFER_DEVICE, size, name, error) &&
           lm_staging_write(buffer, 0, data, size, error);
}

static bool init_table(LmPreprocess *preprocess, GError **error)
{
    const LmPreprocessParams *params = &preprocess->params;
    const LmRect *region = &params->region;
    LmResizeFilter across, down;
    lm_resize_filter_init(&across, region->x - upload_begin(params), region->width, params->width,
                          4);
    lm_resize_filter_init(&down, 0, region->height, params->height, 1);
    preprocess->rows_push.n_quads = across.n_quads;
    preprocess->columns_push.n_quads = down.n_quads;
    preprocess->columns_push.table = across.n_texels;

    gsize texel = 4 * sizeof(float), size = (across.n_texels + down.n_texels) * texel;
    guint8 *texels = g_malloc(size);
    memcpy(texels, across.texels, across.n_texels * texel);
    memcpy(texels + across.n_texels * texel, down.texels, down.n_texels * texel);
    bool done = init_filled(&preprocess->table, preprocess->device, texels, size,
                            "preprocess: filter table", error);
    if (done) {
        preprocess->table_view = lm_buffer_view(&preprocess->table, VK_FORMAT_R32G32B32A32_SFLOAT,
                                                0, size, "preprocess: filter table", error);
        done = preprocess->table_view != VK_NULL_HANDLE;
    }
    g_free(texels);
    lm_resize_filter_finish(&across);
    lm_resize_filter_finish(&down);
    return done;
}

static bool init_between(LmPreprocess *preprocess, GError **error)
{
    const LmPreprocessParams *params = &preprocess->params;
    VkDeviceSize size = (VkDeviceSize)params->region.height * params->width * 4 * sizeof(float);
    const char *name = "preprocess: resized rows";
    if (!lm_buffer_init(&preprocess->between, preprocess->device, LM_BUFFER_DEVICE, size, name,
                        error))
        return false;
    preprocess->between_view =
        lm_buffer_view(&preprocess->between, VK_FORMAT_R32G32B32A32_SFLOAT, 0, size, name, error);
    return preprocess->between_view != VK_NULL_HANDLE;
}

static bool init_local(LmPreprocess *preprocess, GError **error)
{
    LmDeviceType type = preprocess->device->info.type;
    if (type == LM_DEVICE_CPU || type == LM_DEVICE_INTEGRATED)
        return true;
    const char *name = "preprocess: frame";
    VkDeviceSize size = preprocess->upload_size;
    if (!lm_buffer_init(&preprocess->local, preprocess->device, LM_BUFFER_DEVICE, size, name,
                        error))
        return false;
    preprocess->local_view =
        lm_buffer_view(&preprocess->local, VK_FORMAT_R32_UINT, 0, size, name, error);
    return preprocess->local_view != VK_NULL_HANDLE;
}

static bool init_pipelines(LmPreprocess *preprocess, LmPipelines *pipelines, GError **error)
{
    const LmPreprocessParams *params = &preprocess->params;
    guint32 family = find_family(params->frame.format);
    preprocess->layout = lm_pipelines_layout(pipelines);
    preprocess->rows = lm_pipelines_get(pipelines, "preprocess_rows", 0, &family, 1, error);
    if (preprocess->rows == VK_NULL_HANDLE)
        return false;
    preprocess->columns = lm_pipelines_get(pipelines, "preprocess_columns",
                                           params->fp16 ? LM_VARIANT_FP16 : 0, NULL, 0, error);
    return preprocess->columns != VK_NULL_HANDLE;
}

static bool check_region(const LmPreprocessParams *params, GError **error)
{
    const LmRect *region = &params->region;
    LmRect whole = {0, 0, params->frame.width, params->frame.height};
    LmRect inside = lm_rect_clip(*region, whole);
    if (region->width >= 1 && region->height >= 1 && lm_rect_equal(inside, *region))
        return true;
    g_set_error(error, LM_ERROR, LM_ERROR_ARGUMENT,
                "region %d,%d,%d,%d is not inside the frame of %dx%d pixels", region->x, region->y,
                region->width, region->height, whole.width, whole.height);
    return false;
}

LmPreprocess *lm_preprocess_create(LmPipelines *pipelines, const LmPreprocessParams *params,
                                   GError **error)
{
    g_assert(params->width >= 1 && params->height >= 1);
    for (int i = 0; i < 3; i++)
        g_assert(params->std[i] != 0);
    if (!lm_frame_info_check(&params->frame, error) || !check_region(params, error))
        return NULL;
    LmPreprocess *preprocess = g_new0(LmPreprocess, 1);
    preprocess->device = lm_pipelines_device(pipelines);
    preprocess->params = *params;
    lay_out_upload(preprocess);
    fill_rows_push(preprocess);
    fill_columns_push(preprocess);
    if (!init_pipelines(preprocess, pipelines, error) || !init_table(preprocess, error) ||
        !init_between(preprocess, error) || !init_local(preprocess, error))
        lm_preprocess_free(&preprocess);
    return preprocess;
}

void lm_preprocess_free(LmPreprocess **preprocess)
{
    LmPreprocess *self = *preprocess;
    if (!self)
        return;
    VkDevice device = self->device->handle;
    vkDestroyBufferView(device, self->table_view, NULL);
    vkDestroyBufferView(device, self->between_view, NULL);
    vkDestroyBufferView(device, self->local_view, NULL);
    lm_buffer_finish(&self->table);
    lm_buffer_finish(&self->between);
    lm_buffer_finish(&self->local);
    g_free(self);
    *preprocess = NULL;
}

VkDeviceSize lm_preprocess_upload_size(const LmPreprocess *preprocess)
{
    return preprocess->upload_size;
}

void lm_preprocess_upload(const LmPreprocess *preprocess, const LmFrame *frame, void *map)
{
    const LmFrameInfo *info = &preprocess->params.frame;
    g_assert(frame->info.format == info->format && frame->info.width == info->width &&
             frame->info.height == info->height);
    unsigned n_planes = lm_format_info(info->format)->n_planes;
    for (unsigned i = 0; i < n_planes; i++) {
        const PlanePart *part = &preprocess->parts[i];
        const guint8 *from = frame->data[i] + part->y * frame->stride[i] + part->x_bytes;
        guint8 *to = (guint8 *)map + part->offset;
        for (gsize row = 0; row < part->n_rows; row++)
            memcpy(to + row * part->pitch, from + row * frame->stride[i], part->bytes);
    }
}

/* The view that the first pass reads; VK_NULL_HANDLE with an error. */
static VkBufferView record_source(LmPreprocess *preprocess, LmCommands *commands, GArray *views,
                                  const LmBuffer *upload, GError **error)
{
    if (preprocess->local.handle) {
        lm_commands_copy(commands, upload, 0, &preprocess->local, 0, preprocess->upload_size);
        lm_commands_barrier(commands);
        return preprocess->local_view;
    }
    VkBufferView view = lm_buffer_view(upload, VK_FORMAT_R32_UINT, 0, preprocess->upload_size,
                                       "preprocess: frame", error);
    if (view != VK_NULL_HANDLE)
        g_array_append_val(views, view);
    return view;
}

bool lm_preprocess_record(LmPreprocess *preprocess, LmCommands *commands,
                          LmDescriptors *descriptors, GArray *views, const LmBuffer *upload,
                          const LmBuffer *arena, VkDeviceSize offset, VkDeviceSize size,
                          GError **error)
{
    const LmPreprocessParams *params = &preprocess->params;
    VkDeviceSize texel = params->fp16 ? 8 : 16;
    g_assert(size >= ((VkDeviceSize)params->width * params->height + 1) * texel);

    lm_commands_barrier(commands);
    VkBufferView frame = record_source(preprocess, commands, views, upload, error);
    if (frame == VK_NULL_HANDLE)
        return false;
    VkDescriptorSet rows = lm_descriptors_add(
        descriptors,
        &(LmBindings){
            .inputs = {frame},
            .bias = preprocess->table_view,
            .outputs = {{preprocess->between.handle, 0, preprocess->between.size}},
        },
        error);
    if (rows == VK_NULL_HANDLE)
        return false;
    VkDescriptorSet columns = lm_descriptors_add(descriptors,
                                                 &(LmBindings){
                                                     .inputs = {preprocess->between_view},
                                                     .bias = preprocess->table_view,
                                                     .outputs = {{arena->handle, offset, size}},
                                                 },
                                                 error);
    if (columns == VK_NULL_HANDLE)
        return false;

    guint32 across = (guint32)lm_ceil_div(params->width, GROUP_WIDTH);
    guint32 down = (guint32)lm_ceil_div(params->region.height, ROWS_PER_INVOCATION);
    lm_commands_dispatch(commands, preprocess->layout, preprocess->rows, rows,
                         &preprocess->rows_push, sizeof preprocess->rows_push,
                         (guint32[3]){across, down, 1});
    lm_commands_barrier(commands);
    lm_commands_dispatch(commands, preprocess->layout, preprocess->columns, columns,
                         &preprocess->columns_push, sizeof preprocess->columns_push,
                         (guint32[3]){across, params->height, 1});
    lm_commands_barrier(commands);
    return true;
}
