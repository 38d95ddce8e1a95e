/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Activations, chosen by a specialisation constant; the numbers are LmActivation's. */

const int ACTIVATION_NONE = 0;
const int ACTIVATION_RELU = 1;
const int ACTIVATION_HARDSWISH = 2;
const int ACTIVATION_HARDSIGMOID = 3;
const int ACTIVATION_GELU = 4;

vec4 hardsigmoid(vec4 x)
{
    return clamp(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
}

/* x * Phi(x) as max(x, 0) - |x| / 2 * erfc(|x| / sqrt(2)). The erfc is the reciprocal of a
 * polynomial's 16th power, after Abramowitz and Stegun 7.1.28, fitted to the product: absolute
 * error below 6e-7, rounding included. exp() costs more. */
vec4 gelu(vec4 x)
{
    vec4 a = abs(x);
    vec4 p = 4.13741758e-5 + a * 6.33418889e-6;
    p = 1.0 + a * (0.0498641374 + a * (0.0211573109 + a * (0.00324928275 + a * (5.97456508e-5 + a * p))));
    p *= p;
    p *= p;
    p *= p;
    p *= p;
    return max(x, 0.0) - 0.5 * a / p;
}

vec4 activate(vec4 x, int activation)
{
    if (activation == ACTIVATION_RELU)
        return max(x, 0.0);
    if (activation == ACTIVATION_HARDSWISH)
        return x * hardsigmoid(x);
    if (activation == ACTIVATION_HARDSIGMOID)
        return hardsigmoid(x);
    if (activation == ACTIVATION_GELU)
        return gelu(x);
    return x;
}
