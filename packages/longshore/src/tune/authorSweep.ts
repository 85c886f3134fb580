/**
 * The sweep that Longshore began with: an engineer who asked how many workers unload an image best
 * measured 1 to 30 of them, one run each, in rising order, and read from it that odd numbers are
 * better. Seconds. 21, 24, 25, 27 and 29 are not among her numbers.
 */
export const AUTHOR_SWEEP = `workers,seconds
1,40.80
2,38.48
3,34.41
4,38.90
5,34.18
6,37.42
7,34.26
8,40.07
9,34.30
10,40.90
11,35.09
12,39.33
13,34.32
14,36.83
15,34.69
16,37.02
17,34.20
18,37.01
19,35.72
20,38.15
22,37.96
23,38.17
26,37.81
28,38.69
30,37.87
`;
