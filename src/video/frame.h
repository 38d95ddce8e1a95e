/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Video frames as they lie in memory: pixel formats, planes, colour. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/** Pixel formats as GStreamer names and defines them: Y'CbCr first, then RGB. */
typedef enum {
    LM_FORMAT_NV12,
    LM_FORMAT_I420,
    LM_FORMAT_YV12,
    LM_FORMAT_YUY2,
    LM_FORMAT_UYVY,
    LM_FORMAT_Y42B,
    LM_FORMAT_V210,
    LM_FORMAT_P010_10LE,
    LM_FORMAT_RGBA,
    LM_FORMAT_BGRA,
    LM_FORMAT_ARGB,
    LM_FORMAT_ABGR,
    LM_FORMAT_RGBX,
    LM_FORMAT_BGRX,
    LM_FORMAT_XRGB,
    LM_FORMAT_XBGR,
    LM_FORMAT_RGB,
    LM_FORMAT_BGR,
    LM_N_FORMATS
} LmFormat;

#define LM_MAX_PLANES 3
#define LM_FRAME_MIN 32
#define LM_FRAME_MAX 4096

/** A rectangle of a frame's pixels: [x, x + width) x [y, y + height). */
typedef struct {
    int x, y, width, height;
} LmRect;

/** A frame's format, size and colour space, without its memory layout. */
typedef struct {
    LmFormat format;
    int width, height; /**< Pixels. */
    double kr, kb;     /**< Weights of red and blue in luma; ignored for RGB formats. */
    bool full_range; /**< Luma, or R, G and B, 0..255 (or 0..1023) instead of 16..235. RGB is nearly
                        always full. */
} LmFrameInfo;

/** A frame in memory; the planes are borrowed. Row j of plane i begins at data[i] + j * stride[i].
 * Planes in the order of LmFormat's GStreamer namesake (YV12: Y, V, U as they lie in its memory;
 * NV12, P010: Y, UV). */
typedef struct {
    LmFrameInfo info;
    guint8 *data[LM_MAX_PLANES];
    gsize stride[LM_MAX_PLANES]; /**< Bytes. */
} LmFrame;

/** The place of one component of a format. For v210 only the plane is meaningful: see
 * lm_format_info(). */
typedef struct {
    guint8 plane;
    guint8 offset; /**< Bytes from the row's start to the first sample. */
    guint8 step;   /**< Bytes from one sample to the next; of chroma, to the next chroma sample. */
} LmComponent;

/** A format's memory layout: a table row. "Pixels" are always the frame's, not chroma samples. */
typedef struct {
    const char *name; /**< GStreamer's: "NV12". */
    unsigned n_planes;
    bool yuv;
    unsigned bits;         /**< Of one component: 8 or 10. */
    unsigned h_sub, v_sub; /**< log2 of chroma subsampling. */
    /** log2 of frame pixels per sample of a plane; 0 for planes that hold luma. */
    unsigned plane_h_sub[LM_MAX_PLANES], plane_v_sub[LM_MAX_PLANES];
    unsigned unit_bytes[LM_MAX_PLANES];  /**< Bytes of the smallest run of whole pixels (YUY2: 4
                                            bytes, 2 pixels). */
    unsigned unit_pixels[LM_MAX_PLANES]; /**< Pixels of that run (NV12's second plane: 2 bytes, 2
                                            pixels). */
    LmComponent component[3];            /**< Y, U, V or R, G, B. */
} LmFormatInfo;

/** The table row of a format; static. Samples are bytes, with two exceptions: P010's are
 * little-endian 16-bit words with the code in the upper 10 bits, and v210's row is a run of
 * little-endian 32-bit words of three 10-bit codes each, lowest bits first, which read in order are
 * U Y V Y, U Y V Y, .. for each pair of pixels. */
const LmFormatInfo *lm_format_info(LmFormat format);
/** Returns -1 if there is no format of this name. */
int lm_format_from_name(const char *name);
/** Bytes of a plane's row, in whole units, without padding; and the plane's number of rows. Chroma
 * rounds up. */
gsize lm_frame_row_bytes(const LmFrameInfo *info, unsigned plane);
int lm_frame_rows(const LmFrameInfo *info, unsigned plane);
/** Returns false with LM_ERROR_ARGUMENT for sizes outside LM_FRAME_MIN..LM_FRAME_MAX, or if kr and
 * kb give no matrix. */
bool lm_frame_info_check(const LmFrameInfo *info, GError **error);
/** a clipped to b; width and height are 0 if they do not overlap. Takes any numbers. */
LmRect lm_rect_clip(LmRect a, LmRect b);
bool lm_rect_equal(LmRect a, LmRect b);

/** Y'CbCr codes (or RGB) to RGB in 0..1: rgb[i] = sum_j m[i][j] * code[j] + m[i][3]; the caller
 * clamps it to 0..1. Codes are of the format's own depth: 0..255 or 0..1023. */
void lm_frame_to_rgb(const LmFrameInfo *info, double m[3][4]);

G_END_DECLS
