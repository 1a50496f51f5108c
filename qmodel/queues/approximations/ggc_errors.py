"""Largest errors of the approximations of the mean wait in GI/G/c, over classes of points.

Written by docs/errors_of_approximations.py: measured against exact solutions, in parts of one.
Of each class of SCVs (arrivals, service) and servers, the errors at loads 0.5, 0.8 and 0.95.
"""

from __future__ import annotations

# ruff: noqa: E501

__all__ = ["ERRORS", "LOADS"]

LOADS = (0.5, 0.8, 0.95)
NAN = float("nan")

ERRORS: dict[tuple[str, str, str], dict[str, tuple[float, ...]]] = {
    ("below 1", "below 1", "1"): {"combined": (0.090, 0.028, 0.006), "whitt": (0.268, 0.065, 0.014), "kraemer_langenbach_belz": (0.090, 0.028, 0.006), "allen_cunneen": (0.926, 0.195, 0.039), "kingman": (0.926, 0.195, 0.039)},
    ("below 1", "below 1", "2 to 6"): {"combined": (0.888, 0.121, 0.021), "whitt": (1.531, 0.159, 0.029), "kraemer_langenbach_belz": (1.192, 0.154, 0.027), "allen_cunneen": (3.641, 0.366, 0.062), "kingman": (16.801, 0.971, 0.149)},
    ("below 1", "below 1", "more"): {"combined": (0.781, 0.226, 0.026), "whitt": (3.111, 0.424, 0.028), "kraemer_langenbach_belz": (4.290, 1.026, 0.105), "allen_cunneen": (7.721, 1.296, 0.135), "kingman": (119.777, 9.627, 0.530)},
    ("below 1", "1", "1"): {"combined": (0.086, 0.026, 0.006), "whitt": (0.043, 0.007, 0.001), "kraemer_langenbach_belz": (0.086, 0.026, 0.006), "allen_cunneen": (0.445, 0.103, 0.021), "kingman": (0.445, 0.103, 0.021)},
    ("below 1", "1", "2 to 6"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.503, 0.047, 0.006), "kraemer_langenbach_belz": (0.965, 0.153, 0.028), "allen_cunneen": (1.653, 0.242, 0.044), "kingman": (9.174, 0.794, 0.130)},
    ("below 1", "1", "more"): {"combined": (0.000, 0.000, 0.000), "whitt": (1.621, 0.263, 0.021), "kraemer_langenbach_belz": (2.874, 0.802, 0.096), "allen_cunneen": (4.229, 0.943, 0.113), "kingman": (71.415, 7.990, 0.501)},
    ("below 1", "1 to 4", "1"): {"combined": (0.059, 0.017, 0.004), "whitt": (0.129, 0.041, 0.009), "kraemer_langenbach_belz": (0.059, 0.017, 0.004), "allen_cunneen": (0.235, 0.058, 0.012), "kingman": (0.235, 0.058, 0.012)},
    ("below 1", "1 to 4", "2 to 6"): {"combined": (0.219, 0.051, 0.011), "whitt": (0.615, 0.094, 0.016), "kraemer_langenbach_belz": (1.086, 0.212, 0.040), "allen_cunneen": (1.391, 0.239, 0.045), "kingman": (8.169, 0.789, 0.131)},
    ("below 1", "1 to 4", "more"): {"combined": (0.310, 0.033, 0.012), "whitt": (1.706, 0.469, 0.066), "kraemer_langenbach_belz": (2.768, 1.060, 0.143), "allen_cunneen": (3.371, 1.106, 0.149), "kingman": (59.533, 8.746, 0.549)},
    ("below 1", "above 4", "1"): {"combined": (0.018, 0.005, 0.001), "whitt": (0.190, 0.060, 0.013), "kraemer_langenbach_belz": (0.018, 0.005, 0.001), "allen_cunneen": (0.055, 0.015, 0.003), "kingman": (0.055, 0.015, 0.003)},
    ("below 1", "above 4", "2 to 6"): {"combined": (0.268, 0.071, 0.017), "whitt": (0.378, 0.076, 0.013), "kraemer_langenbach_belz": (1.186, 0.239, 0.045), "allen_cunneen": (1.276, 0.251, 0.048), "kingman": (7.730, 0.806, 0.134)},
    ("below 1", "above 4", "more"): {"combined": (0.326, 0.050, 0.020), "whitt": (1.300, 0.546, 0.076), "kraemer_langenbach_belz": (3.115, 1.265, 0.163), "allen_cunneen": (3.285, 1.288, 0.166), "kingman": (58.346, 9.587, 0.572)},
    ("1", "below 1", "1"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.026, 0.008, 0.002), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (0.000, 0.000, 0.000)},
    ("1", "below 1", "2 to 6"): {"combined": (0.018, 0.003, 0.001), "kimura": (0.018, 0.003, 0.001), "page": (0.005, 0.006, 0.002), "cosmetatos": (0.009, 0.007, 0.002), "whitt": (0.035, 0.005, 0.001), "kraemer_langenbach_belz": (0.149, 0.042, 0.009), "allen_cunneen": (0.149, 0.042, 0.009), "kingman": (2.613, 0.418, 0.078)},
    ("1", "below 1", "more"): {"combined": (0.032, 0.013, 0.001), "kimura": (0.032, 0.013, 0.001), "page": (0.004, 0.006, 0.004), "cosmetatos": (0.009, 0.007, 0.006), "whitt": (0.056, 0.035, 0.007), "kraemer_langenbach_belz": (0.239, 0.139, 0.026), "allen_cunneen": (0.239, 0.139, 0.026), "kingman": (11.585, 3.365, 0.332)},
    ("1", "1", "1"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.000, 0.000, 0.000), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (0.000, 0.000, 0.000)},
    ("1", "1", "2 to 6"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.000, 0.000, 0.000), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (2.835, 0.444, 0.082)},
    ("1", "1", "more"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.000, 0.000, 0.000), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (12.848, 3.628, 0.348)},
    ("1", "1 to 4", "1"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.146, 0.046, 0.010), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (0.000, 0.000, 0.000)},
    ("1", "1 to 4", "2 to 6"): {"combined": (0.053, 0.018, 0.004), "kimura": (0.053, 0.018, 0.004), "page": (0.228, 0.076, 0.016), "cosmetatos": (0.233, 0.077, 0.016), "whitt": (0.073, 0.025, 0.006), "kraemer_langenbach_belz": (0.372, 0.105, 0.022), "allen_cunneen": (0.372, 0.105, 0.022), "kingman": (4.262, 0.595, 0.106)},
    ("1", "1 to 4", "more"): {"combined": (0.047, 0.023, 0.009), "kimura": (0.047, 0.023, 0.009), "page": (0.328, 0.260, 0.058), "cosmetatos": (0.341, 0.263, 0.054), "whitt": (0.155, 0.108, 0.023), "kraemer_langenbach_belz": (0.636, 0.394, 0.076), "allen_cunneen": (0.636, 0.394, 0.076), "kingman": (21.654, 5.453, 0.450)},
    ("1", "above 4", "1"): {"combined": (0.000, 0.000, 0.000), "kimura": (0.000, 0.000, 0.000), "page": (0.000, 0.000, 0.000), "cosmetatos": (0.000, 0.000, 0.000), "whitt": (0.195, 0.061, 0.014), "kraemer_langenbach_belz": (0.000, 0.000, 0.000), "allen_cunneen": (0.000, 0.000, 0.000), "kingman": (0.000, 0.000, 0.000)},
    ("1", "above 4", "2 to 6"): {"combined": (0.241, 0.124, 0.033), "kimura": (0.241, 0.124, 0.033), "page": (0.432, 0.127, 0.026), "cosmetatos": (0.440, 0.128, 0.026), "whitt": (0.110, 0.029, 0.006), "kraemer_langenbach_belz": (0.666, 0.167, 0.034), "allen_cunneen": (0.666, 0.167, 0.034), "kingman": (5.388, 0.685, 0.119)},
    ("1", "above 4", "more"): {"combined": (0.209, 0.180, 0.076), "kimura": (0.209, 0.180, 0.076), "page": (0.724, 0.507, 0.094), "cosmetatos": (0.747, 0.512, 0.089), "whitt": (0.400, 0.255, 0.046), "kraemer_langenbach_belz": (1.301, 0.730, 0.119), "allen_cunneen": (1.301, 0.730, 0.119), "kingman": (30.869, 7.005, 0.508)},
    ("1 to 4", "below 1", "1"): {"combined": (0.187, 0.035, 0.006), "whitt": (0.372, 0.054, 0.006), "kraemer_langenbach_belz": (0.035, 0.065, 0.023), "allen_cunneen": (0.372, 0.054, 0.006), "kingman": (0.372, 0.054, 0.006)},
    ("1 to 4", "below 1", "2 to 6"): {"combined": (0.143, 0.020, 0.004), "whitt": (0.239, 0.123, 0.033), "kraemer_langenbach_belz": (0.512, 0.253, 0.069), "allen_cunneen": (0.346, 0.158, 0.041), "kingman": (1.862, 0.316, 0.060)},
    ("1 to 4", "below 1", "more"): {"combined": (0.217, 0.063, 0.014), "whitt": (0.954, 0.453, 0.105), "kraemer_langenbach_belz": (0.971, 0.570, 0.154), "allen_cunneen": (0.962, 0.525, 0.132), "kingman": (167.725, 2.040, 0.246)},
    ("1 to 4", "1", "1"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.156, 0.018, 0.001), "kraemer_langenbach_belz": (0.048, 0.055, 0.018), "allen_cunneen": (0.156, 0.018, 0.001), "kingman": (0.156, 0.018, 0.001)},
    ("1 to 4", "1", "2 to 6"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.245, 0.107, 0.027), "kraemer_langenbach_belz": (0.458, 0.203, 0.053), "allen_cunneen": (0.347, 0.141, 0.035), "kingman": (1.965, 0.334, 0.063)},
    ("1 to 4", "1", "more"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.937, 0.405, 0.089), "kraemer_langenbach_belz": (0.957, 0.518, 0.133), "allen_cunneen": (0.948, 0.480, 0.116), "kingman": (227.600, 2.308, 0.268)},
    ("1 to 4", "1 to 4", "1"): {"combined": (0.145, 0.027, 0.004), "whitt": (0.104, 0.034, 0.008), "kraemer_langenbach_belz": (0.082, 0.047, 0.014), "allen_cunneen": (0.057, 0.009, 0.003), "kingman": (0.057, 0.009, 0.003)},
    ("1 to 4", "1 to 4", "2 to 6"): {"combined": (0.106, 0.016, 0.005), "whitt": (0.195, 0.081, 0.020), "kraemer_langenbach_belz": (0.374, 0.154, 0.039), "allen_cunneen": (0.291, 0.111, 0.027), "kingman": (3.029, 0.474, 0.087)},
    ("1 to 4", "1 to 4", "more"): {"combined": (0.883, 0.145, 0.028), "whitt": (0.902, 0.326, 0.064), "kraemer_langenbach_belz": (0.927, 0.430, 0.100), "allen_cunneen": (0.918, 0.401, 0.088), "kingman": (615.671, 3.752, 0.372)},
    ("1 to 4", "above 4", "1"): {"combined": (0.170, 0.031, 0.004), "whitt": (0.176, 0.056, 0.013), "kraemer_langenbach_belz": (0.075, 0.027, 0.007), "allen_cunneen": (0.040, 0.013, 0.003), "kingman": (0.040, 0.013, 0.003)},
    ("1 to 4", "above 4", "2 to 6"): {"combined": (0.200, 0.080, 0.022), "whitt": (0.122, 0.041, 0.010), "kraemer_langenbach_belz": (0.321, 0.094, 0.019), "allen_cunneen": (0.339, 0.099, 0.021), "kingman": (4.135, 0.587, 0.105)},
    ("1 to 4", "above 4", "more"): {"combined": (1.560, 0.115, 0.039), "whitt": (0.744, 0.155, 0.019), "kraemer_langenbach_belz": (0.696, 0.339, 0.072), "allen_cunneen": (0.684, 0.346, 0.073), "kingman": (1268.121, 5.230, 0.447)},
    ("above 4", "below 1", "1"): {"combined": (0.241, 0.024, 0.003), "whitt": (0.787, 0.062, 0.005), "kraemer_langenbach_belz": (0.198, 0.095, 0.034), "allen_cunneen": (0.787, 0.062, 0.005), "kingman": (0.787, 0.062, 0.005)},
    ("above 4", "below 1", "2 to 6"): {"combined": (0.201, 0.014, 0.005), "whitt": (0.404, 0.175, 0.048), "kraemer_langenbach_belz": (0.546, 0.326, 0.094), "allen_cunneen": (0.347, 0.209, 0.057), "kingman": (1.601, 0.150, 0.023)},
    ("above 4", "below 1", "more"): {"combined": (0.194, 0.064, 0.014), "whitt": (0.984, 0.590, 0.156), "kraemer_langenbach_belz": (0.991, 0.693, 0.212), "allen_cunneen": (0.987, 0.645, 0.183), "kingman": (13.652, 0.643, 0.102)},
    ("above 4", "1", "1"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.440, 0.037, 0.002), "kraemer_langenbach_belz": (0.059, 0.083, 0.029), "allen_cunneen": (0.440, 0.037, 0.002), "kingman": (0.440, 0.037, 0.002)},
    ("above 4", "1", "2 to 6"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.275, 0.162, 0.043), "kraemer_langenbach_belz": (0.542, 0.289, 0.080), "allen_cunneen": (0.377, 0.195, 0.051), "kingman": (1.389, 0.162, 0.027)},
    ("above 4", "1", "more"): {"combined": (0.000, 0.000, 0.000), "whitt": (0.979, 0.558, 0.143), "kraemer_langenbach_belz": (0.988, 0.661, 0.194), "allen_cunneen": (0.983, 0.616, 0.169), "kingman": (17.863, 0.776, 0.120)},
    ("above 4", "1 to 4", "1"): {"combined": (0.238, 0.033, 0.004), "whitt": (0.253, 0.020, 0.002), "kraemer_langenbach_belz": (0.065, 0.071, 0.023), "allen_cunneen": (0.253, 0.020, 0.002), "kingman": (0.253, 0.020, 0.002)},
    ("above 4", "1 to 4", "2 to 6"): {"combined": (0.188, 0.024, 0.007), "whitt": (0.268, 0.142, 0.037), "kraemer_langenbach_belz": (0.500, 0.249, 0.067), "allen_cunneen": (0.367, 0.174, 0.045), "kingman": (1.609, 0.242, 0.044)},
    ("above 4", "1 to 4", "more"): {"combined": (1.036, 0.167, 0.032), "whitt": (0.969, 0.507, 0.122), "kraemer_langenbach_belz": (0.980, 0.609, 0.169), "allen_cunneen": (0.975, 0.570, 0.149), "kingman": (47.328, 1.337, 0.189)},
    ("above 4", "above 4", "1"): {"combined": (0.313, 0.046, 0.005), "whitt": (0.011, 0.010, 0.003), "kraemer_langenbach_belz": (0.095, 0.045, 0.012), "allen_cunneen": (0.011, 0.010, 0.003), "kingman": (0.011, 0.010, 0.003)},
    ("above 4", "above 4", "2 to 6"): {"combined": (0.289, 0.044, 0.006), "whitt": (0.186, 0.077, 0.019), "kraemer_langenbach_belz": (0.255, 0.109, 0.027), "allen_cunneen": (0.186, 0.077, 0.019), "kingman": (2.121, 0.333, 0.062)},
    ("above 4", "above 4", "more"): {"combined": (2.100, 0.202, 0.016), "whitt": (0.911, 0.348, 0.066), "kraemer_langenbach_belz": (0.919, 0.371, 0.074), "allen_cunneen": (0.911, 0.348, 0.066), "kingman": (99.587, 2.016, 0.260)},
}  # fmt: skip
