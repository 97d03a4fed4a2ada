/** Counts the primes from `from` (inclusive) to `to` (exclusive). */
export function countPrimes(from: number, to: number): number {
  let primes = 0;
  for (let number = Math.max(from, 2); number < to; number++) {
    if (isPrime(number)) primes++;
  }
  return primes;
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return false;
  }
  return true;
}
