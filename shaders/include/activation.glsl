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

/* x * Phi(x), with erf by Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7. */
vec4 gelu(vec4 x)
{
    vec4 z = abs(x) * 0.70710678;
    vec4 t = 1.0 / (1.0 + 0.3275911 * z);
    vec4 p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    vec4 erfc_z = p * exp(-z * z);
    return mix(x - 0.5 * x * erfc_z, 0.5 * x * erfc_z, lessThan(x, vec4(0.0)));
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
