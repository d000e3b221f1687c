/**
 * Estimates the size of the program that an expression compiles to, without compiling it. A repetition with a
 * count, such as `x{1000}`, copies its operand. So a short expression can have a program of a million
 * instructions.
 */
const REPETITION = /\{(\d+)(?:,(\d*))?\}/y;

/** Returns about the number of instructions. Returns a number for an invalid expression, too. */
export function estimatedProgramSize(regex: string): number {
  return new Estimate(regex).size();
}

class Estimate {
  private readonly regex: string;
  private position = 0;
  /**
   * For each open group, outermost first: its size so far. The last operand is not in it yet (see `operand`).
   */
  private readonly open: number[] = [0];
  /** The size of the last operand. A repetition that follows would copy this operand. */
  private operand = 0;

  constructor(regex: string) {
    this.regex = regex;
  }

  size(): number {
    while (this.position < this.regex.length) this.next();
    return this.open.reduce((sum, size) => sum + size, this.operand);
  }

  private next(): void {
    const { regex, position } = this;
    const char = regex[position];
    if (char === '(') {
      this.atom(1, 1);
      this.flush();
      this.open.push(0);
    } else if (char === ')' && this.open.length > 1) {
      this.flush();
      this.position++;
      this.operand = this.open.pop()! + 1;
    } else if (char === '[') this.atom(1, classLength(regex, position));
    else if (char === '\\') this.escape();
    else if (char === '{') this.repetition();
    else this.atom(1, 1);
  }

  private atom(size: number, length: number): void {
    this.flush();
    this.operand = size;
    this.position += length;
  }

  private flush(): void {
    this.open[this.open.length - 1]! += this.operand;
    this.operand = 0;
  }

  private escape(): void {
    const { regex, position } = this;
    if (regex[position + 1] !== 'Q') {
      const isNamedClass = /^\\[pP]\{/.test(regex.slice(position, position + 3));
      this.atom(1, isNamedClass ? lengthUpTo(regex, position, '}') : 2);
      return;
    }
    // A repetition after a quotation (`\Q…\E`) copies only the last character of the quotation.
    const length = lengthUpTo(regex, position, '\\E');
    this.atom(length, length);
    this.flush();
    this.operand = 1;
  }

  private repetition(): void {
    REPETITION.lastIndex = this.position;
    const [text, min, max] = REPETITION.exec(this.regex) ?? [];
    if (text === undefined) {
      this.atom(1, 1);
      return;
    }
    this.operand *= Math.max(1, Number(min), Number(max ?? 0));
    this.position += text.length;
  }
}

/** The length of the class that begins at `start`, for example `[^]a-z[:digit:]\]]`. */
function classLength(regex: string, start: number): number {
  let position = start + (regex[start + 1] === '^' ? 2 : 1);
  if (regex[position] === ']') position++;
  while (position < regex.length && regex[position] !== ']') {
    const named = regex.startsWith('[:', position) ? regex.indexOf(':]', position + 2) : -1;
    if (named >= 0) position = named + 2;
    else position += regex[position] === '\\' ? 2 : 1;
  }
  return position + 1 - start;
}

/** The length up to the end of the first `end` after `start`, or up to the end of the expression. */
function lengthUpTo(regex: string, start: number, end: string): number {
  const found = regex.indexOf(end, start);
  return (found < 0 ? regex.length : found + end.length) - start;
}
