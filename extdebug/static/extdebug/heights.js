// Knows where each row begins and how high all are together, without adding up every row: it keeps the
// sums of blocks of rows, so that the cost of a drawing does not grow with the lines that are kept.

const BLOCK = 256; // rows; of 50,000 a look adds up 200 blocks and one of them row by row
const GUESS = 22; // px of a row before any was measured
const LEAST = 16; // px that an average of measured rows is taken for, at least and at most
const MOST = 200;

export class Heights {
  constructor() {
    this.mean = GUESS; // px, for rows not measured yet
    this.reset(null);
  }

  reset(items) {
    this.items = items;
    this.counted = 0; // rows of `items` that are in the sums
    this.first = 0; // place of the first row in the first block
    this.blocks = [];
    this.total = 0; // px
  }

  /** Height of a row in px: measured, or a guess that stays the same until it is. */
  of(item) {
    return item.h || (item.guess ??= this.mean);
  }

  /** Count the rows that came at the end of `items`; another array is counted from its start. */
  count(items) {
    if (items !== this.items) this.reset(items);
    for (; this.counted < items.length; this.counted += 1) this.change(this.counted, this.of(items[this.counted]));
  }

  /** Row `index` is `by` px higher than it was. */
  change(index, by) {
    const block = Math.floor((this.first + index) / BLOCK);
    this.blocks[block] = (this.blocks[block] ?? 0) + by;
    this.total += by;
  }

  /** The rows `gone` were taken from the start of the array; their height together. */
  drop(gone) {
    let sum = 0;
    for (const [index, item] of gone.entries()) {
      sum += this.of(item);
      if (index < this.counted) this.change(index, -this.of(item));
    }
    if (gone.length >= this.counted) this.reset(this.items);
    else {
      this.counted -= gone.length;
      this.first += gone.length;
      this.blocks.splice(0, Math.floor(this.first / BLOCK));
      this.first %= BLOCK;
    }
    return sum;
  }

  /** All rows have to be measured anew. */
  forget(items) {
    for (const item of items) {
      item.h = 0;
      item.guess = undefined;
    }
    this.reset(null);
  }

  /** Rows `from` to `to` were measured: what others are guessed to be. */
  learn(from, to, sum) {
    if (to - from > 8) this.mean = Math.round(Math.max(LEAST, Math.min(MOST, sum / (to - from))));
  }

  /** How far from the top row `index` begins, px. */
  top(index) {
    const block = Math.floor((this.first + index) / BLOCK);
    let y = 0;
    for (let each = 0; each < block; each += 1) y += this.blocks[each];
    for (let each = Math.max(0, block * BLOCK - this.first); each < index; each += 1) y += this.of(this.items[each]);
    return y;
  }

  /** The rows from `top` to `bottom` px: [first, one after the last, where the first begins]. */
  between(top, bottom) {
    const { items, blocks } = this;
    let block = 0;
    let over = 0;
    while (block < blocks.length - 1 && over + blocks[block] < top) {
      over += blocks[block];
      block += 1;
    }
    let from = Math.max(0, block * BLOCK - this.first);
    while (from < items.length && over + this.of(items[from]) < top) {
      over += this.of(items[from]);
      from += 1;
    }
    let to = from;
    for (let y = over; to < items.length && y < bottom; to += 1) y += this.of(items[to]);
    return [from, to, over];
  }

  /** The last rows that fill `room` px, as between() says them. */
  last(room) {
    const { items } = this;
    let from = items.length;
    let sum = 0;
    while (from > 0 && sum < room) {
      from -= 1;
      sum += this.of(items[from]);
    }
    return [from, items.length, this.total - sum];
  }
}
