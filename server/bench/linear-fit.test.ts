import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fitSlope, judgeSlope, type Point } from './linear-fit.ts';

const near = (value: number | undefined, wanted: number, off = 0.001) =>
  assert.ok(value !== undefined && Math.abs(value - wanted) <= off, `${value} is not ${wanted}`);

describe('the slope of readings', () => {
  it('is that of a straight line, without doubt', () => {
    const fit = fitSlope([0, 1, 2, 3, 4, 5].map((hours) => ({ life: 0, hours, value: 100 + 2.5 * hours })));
    near(fit?.per_hour, 2.5);
    near(fit?.per_hour_95[0], 2.5);
    near(fit?.per_hour_95[1], 2.5);
  });

  it('has the interval of the textbook', () => {
    // The first of Anscombe's four data sets (The American Statistician 27, 1973): slope 0.5001, standard error 0.1179, t(9) 2.2622.
    const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
    const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
    const fit = fitSlope(x.map((hours, at): Point => ({ life: 0, hours, value: y[at] as number })));
    near(fit?.per_hour, 0.5001);
    near(fit?.per_hour_95[0], 0.5001 - 2.2622 * 0.1179);
    near(fit?.per_hour_95[1], 0.5001 + 2.2622 * 0.1179);
  });

  it('is not taken for growth when a process starts anew at a higher level', () => {
    const lives = [0, 1, 2].flatMap((life) => [0, 1, 2, 3].map((at): Point => ({ life, hours: life * 4 + at, value: 100 + 50 * life + (at % 2) })));
    const fit = fitSlope(lives);
    assert.ok(fit && fit.per_hour_95[0] < 0 && fit.per_hour_95[1] > 0);
    assert.ok(Math.abs(fit.per_hour) < 1);
  });

  it('is not told from too little', () => {
    assert.equal(fitSlope([]), undefined);
    assert.equal(fitSlope([{ life: 0, hours: 1, value: 1 }]), undefined);
    assert.equal(fitSlope([0, 1].map((hours) => ({ life: 0, hours, value: hours }))), undefined);
  });
});

describe('a slope', () => {
  const judged = (values: readonly number[]) => judgeSlope(fitSlope(values.map((value, at) => ({ life: 0, hours: at / 60, value }))), 1);
  const noise = [0, 9, -8, 7, -9, 8, -7, 9, -8, 7];

  it('is flat when nothing grows, and grows when it clearly does', () => {
    assert.equal(judged([100, 100, 100, 100, 100, 100]), 'flat');
    assert.equal(judged([100, 100.01, 100, 100.01, 100, 100.01]), 'flat');
    assert.equal(judged([100, 101, 102, 103, 104, 105]), 'grows');
  });

  it('is not judged by noise, whichever way it points, nor by too little', () => {
    assert.equal(judged(noise.map((each) => 100 + each)), 'not judged');
    assert.equal(judged(noise.map((each, at) => 100 + each + at / 10)), 'not judged');
    assert.equal(judged(noise.map((each, at) => 100 + each - at / 10)), 'not judged');
    assert.equal(judged([100]), 'not judged');
  });
});
