/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Converts IEEE half precision on hosts that lack it. */
#pragma once

#include <glib.h>
#include <string.h>

/** Exact, infinities, NaNs and subnormals included. */
static inline float lm_half_to_float(guint16 half)
{
    guint32 sign = (guint32)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    guint32 bits;
    if (magnitude >= 0x7c00) /* infinity, NaN */
        bits = sign | 0x7f800000 | (magnitude & 0x3ff) << 13;
    else if (magnitude >= 0x400) /* normal: rebias the exponent from 15 to 127 */
        bits = sign | ((magnitude << 13) + ((127 - 15) << 23));
    else { /* subnormal: a multiple of 2^-24, which float holds exactly */
        float value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** Rounds to nearest, ties to even; magnitudes of 65520 and more become infinite, NaN stays NaN. */
static inline guint16 lm_half_from_float(float value)
{
    guint32 bits;
    memcpy(&bits, &value, sizeof bits);
    guint16 sign = (guint16)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;
    if (bits >= 0x47800000) /* 65536 and above */
        return sign | 0x7c00;
    if (bits < 0x38800000) { /* below 2^-14: adding 0.5 leaves the multiple of 2^-24 in the low
                                bits, rounded */
        float shifted;
        memcpy(&shifted, &bits, sizeof shifted);
        shifted += 0.5f;
        memcpy(&bits, &shifted, sizeof bits);
        return sign | (guint16)(bits - 0x3f000000);
    }
    guint32 odd = bits >> 13 & 1;
    bits -= (127 - 15) << 23;
    return sign | (guint16)((bits + 0xfff + odd) >> 13);
}
