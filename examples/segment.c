/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The network without GStreamer: a PPM picture in, the first class's probabilities as a PGM out, at
 * network size. Or the endoscopic content area of pictures, as region=auto finds it.
 *
 *   lmnet-segment MODEL IN.ppm OUT.pgm [DEVICE]
 *   lmnet-segment --print-region IN.ppm...
 */
#include <stdio.h>
#include <string.h>

#include "model/bundled.h"
#include "mask/findings.h"
#include "session/session.h"
#include "util/error.h"
#include "vision/region.h"

/* Skips white space and comments, then reads a number; 0 where there is none or it is too large. */
static int read_number(const char **at, const char *end)
{
    int value = 0;
    while (*at < end && (g_ascii_isspace(**at) || **at == '#')) {
        if (**at == '#')
            while (*at < end && **at != '\n')
                (*at)++;
        else
            (*at)++;
    }
    for (; *at < end && g_ascii_isdigit(**at) && value <= LM_FRAME_MAX; (*at)++)
        value = 10 * value + (**at - '0');
    return value;
}

/* A binary PPM of 8 bits as a frame, which borrows `file`. */
static bool parse_ppm(char *file, gsize size, LmFrame *frame, GError **error)
{
    const char *at = file + 2, *end = file + size;
    if (size < 2 || memcmp(file, "P6", 2) != 0) {
        g_set_error(error, LM_ERROR, LM_ERROR_FILE, "no binary PPM (P6)");
        return false;
    }
    int width = read_number(&at, end), height = read_number(&at, end);
    if (read_number(&at, end) != 255 || width <= 0 || height <= 0 ||
        (gsize)(end - at) < 1 + (gsize)width * (gsize)height * 3) {
        g_set_error(error, LM_ERROR, LM_ERROR_FILE, "not 8 bits a sample, or truncated");
        return false;
    }
    *frame = (LmFrame){
        .info = {.format = LM_FORMAT_RGB, .width = width, .height = height, .full_range = true},
        .data = {(guint8 *)file + (at + 1 - file)},
        .stride = {(gsize)width * 3},
    };
    return lm_frame_info_check(&frame->info, error);
}

static bool write_pgm(const char *path, const LmMask *mask, GError **error)
{
    GString *file = g_string_new(NULL);
    g_string_printf(file, "P5\n%d %d\n255\n", mask->width, mask->height);
    g_string_append_len(file, (const char *)mask->data, (gssize)mask->width * mask->height);
    bool ok = g_file_set_contents(path, file->str, (gssize)file->len, error);
    g_string_free(file, TRUE);
    return ok;
}

static void print_findings(const LmSession *session, const LmMask *mask)
{
    LmFindings findings;
    const LmFindingsParams params = {.threshold = 0.5, .min_area = 0.0005};
    char **names = lm_session_model(session)->class_names;

    lm_findings_init(&findings, mask, &params);
    printf("findings: %u\n", findings.n);
    for (unsigned i = 0; i < findings.n; i++) {
        const LmFinding *f = &findings.items[i];
        printf("%s: %d,%d %dx%d, %.1f %% of the picture, confidence %.2f\n", names[f->class_index],
               f->box.x, f->box.y, f->box.width, f->box.height, 100 * f->area, f->confidence);
    }
    lm_findings_finish(&findings);
}

/* Reads a picture into `frame`, which borrows `file`. */
static bool read_ppm(const char *path, char **file, LmFrame *frame, GError **error)
{
    gsize size = 0;
    if (!g_file_get_contents(path, file, &size, error))
        return false;
    if (!parse_ppm(*file, size, frame, error)) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    return true;
}

/* The region that the element settles on in a video of nothing but this frame. An outline that is
 * not clear is followed after 0.4 s, a small correction after 1.5 s. */
static LmRect find_region(LmRegionFinder *finder, const LmFrame *frame)
{
    static LmThumbnail thumbnail;
    const guint64 step = G_GUINT64_CONSTANT(100000000);

    lm_thumbnail_take(&thumbnail, frame);
    lm_region_finder_reset(finder);
    for (guint64 i = 0; i <= 20; i++)
        lm_region_finder_feed(finder, &thumbnail, i * step);
    return lm_region_finder_get(finder).rect;
}

/* A line for each picture: x,y,width,height, a space, the path. */
static bool print_regions(char *const *paths, GError **error)
{
    LmRegionFinder *finder = lm_region_finder_create();
    bool ok = true;
    for (; ok && *paths; paths++) {
        LmFrame frame;
        g_autofree char *file = NULL;
        ok = read_ppm(*paths, &file, &frame, error);
        if (ok) {
            const LmRect rect = find_region(finder, &frame);
            printf("%d,%d,%d,%d %s\n", rect.x, rect.y, rect.width, rect.height, *paths);
        }
    }
    lm_region_finder_free(&finder);
    return ok;
}

static void print_usage(FILE *file, const char *program)
{
    fprintf(file,
            "usage: %s MODEL IN.ppm OUT.pgm [DEVICE]\n"
            "       %s --print-region IN.ppm...\n",
            program, program);
}

static int usage(const char *program)
{
    print_usage(stderr, program);
    return 2;
}

static int print_regions_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc < 3) {
        fprintf(stderr, "%s: --print-region needs at least one picture\n", argv[0]);
        return usage(argv[0]);
    }
    if (print_regions(argv + 2, &error))
        return 0;
    fprintf(stderr, "%s: %s\n", argv[0], error->message);
    return 1;
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    LmSession *session = NULL;
    LmResult result = {0};
    LmFrame frame;
    char *file = NULL;

    if (argc > 1 && strcmp(argv[1], "--print-region") == 0)
        return print_regions_main(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout, argv[0]);
        return 0;
    }
    if (argc > 1 && g_str_has_prefix(argv[1], "-")) {
        fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[1]);
        return usage(argv[0]);
    }
    if (argc < 4 || argc > 5)
        return usage(argv[0]);
    g_autofree char *model = lm_model_path(argv[1], LM_MODEL_DEFAULT);
    const LmSessionParams params = {
        .model = model, .device = argc > 4 ? argv[4] : NULL, .slots = 1};
    bool ok = read_ppm(argv[2], &file, &frame, &error);
    ok = ok && (session = lm_session_new(&params, &error)) != NULL;
    if (ok) {
        const LmRect whole = {0, 0, frame.info.width, frame.info.height};
        lm_session_start(session);
        ok = lm_session_segment(session, &frame, whole, &result, &error) &&
             write_pgm(argv[3], result.mask, &error);
    }
    if (ok) {
        printf("%s, %.1f ms\n", lm_session_device(session)->name,
               (double)result.inference_ns / 1e6);
        print_findings(session, result.mask);
    } else {
        fprintf(stderr, "%s: %s\n", argv[0], error ? error->message : "interrupted");
    }
    g_clear_error(&error);
    lm_result_clear(&result);
    lm_session_free(&session);
    g_free(file);
    return ok ? 0 : 1;
}
