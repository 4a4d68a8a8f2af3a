/** @file Large numbers as people read them. */

/** 1234567 as '1.23 M'. */
export function showCount(n: number): string {
  return scaled(n, 1000, ['', 'k', 'M', 'G', 'T', 'P'])
}

/** Bytes in powers of 1024. */
export function showBytes(n: number): string {
  return scaled(n, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

function scaled(n: number, base: number, units: readonly string[]): string {
  let power = 0
  while (power < units.length - 1 && n >= base * 0.9995) {
    n /= base
    power++
  }
  const digits = power === 0 ? 0 : n < 10 ? 2 : n < 100 ? 1 : 0
  return `${n.toFixed(digits)} ${units[power]}`.trimEnd()
}

/** Seconds as '0.42 s', '41.3 s', '3 min 05 s', '2 h 07 min'. */
export function showSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
  const whole = Math.round(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}
