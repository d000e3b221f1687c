/**
 * The drawing part of the report: lanes and plots over one time axis. The text of the page needs no script.
 * `model` is the report model (src/types.ts), `uPlot` the plotting library; both are in the page.
 */
/* global uPlot, model, document, window, getComputedStyle */
const SVG = 'http://www.w3.org/2000/svg';
const COLORS = ['--a', '--b', '--c', '--d', '--e', '--f'];
const seconds = (us) => us / 1e6;
const lengthS = Math.max(1, seconds(model.durationUs));
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const nodeIds = [...new Set(model.samples.flatMap(({ nodes }) => nodes.map(({ id }) => id)))].sort(
  (a, b) => a - b,
);
const colorOf = (id) => (id === undefined || id < 0 ? '--bad' : COLORS[nodeIds.indexOf(id) % COLORS.length]);

/** Joins equal neighbours: `{from, to, value}`, from the samples. */
function spans(read) {
  const found = [];
  for (const sample of model.samples) {
    const value = read(sample);
    const last = found.at(-1);
    if (last !== undefined && last.value === value) continue;
    if (last !== undefined) last.to = seconds(sample.atUs);
    found.push({ from: seconds(sample.atUs), to: lengthS, value });
  }
  return found;
}

const lanes = [];
function addLane(title, bars) {
  const row = document.createElement('div');
  row.className = 'lane';
  const name = document.createElement('span');
  name.textContent = title;
  name.title = title;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('preserveAspectRatio', 'none');
  for (const { from, to, color, text, opacity = 1 } of bars) {
    const bar = document.createElementNS(SVG, 'rect');
    bar.setAttribute('x', from);
    bar.setAttribute('y', 2);
    bar.setAttribute('width', Math.max(to - from, lengthS / 600));
    bar.setAttribute('height', 12);
    bar.setAttribute('fill', `var(${color})`);
    bar.setAttribute('opacity', opacity);
    const hint = document.createElementNS(SVG, 'title');
    hint.textContent = `${text} (${from.toFixed(1)} to ${to.toFixed(1)} s)`;
    bar.append(hint);
    svg.append(bar);
  }
  row.append(name, svg);
  document.getElementById('lanes').append(row);
  lanes.push(svg);
}

addLane(
  'faults',
  model.faults.map(({ fromUs, toUs, sentence }) => ({
    from: seconds(fromUs),
    to: seconds(toUs ?? model.durationUs),
    color: '--fault',
    text: sentence,
  })),
);
for (const id of nodeIds)
  addLane(
    `node ${id}`,
    spans(({ nodes }) => nodes.find((node) => node.id === id)?.state ?? 'unknown').map(
      ({ value, ...span }) => ({
        ...span,
        color: value === 'running' ? colorOf(id) : value === 'paused' ? '--warn' : '--bad',
        opacity: value === 'running' ? 0.35 : 1,
        text: `node ${id} is ${value}`,
      }),
    ),
  );
addLane(
  'active controller',
  spans(({ activeController }) => activeController).map(({ value, ...span }) => ({
    ...span,
    color: colorOf(value),
    text:
      value === undefined ? 'no broker names an active controller' : `node ${value} is the active controller`,
  })),
);
const places = new Map();
for (const { partitions } of model.samples)
  for (const { topic, partition } of partitions) places.set(`${topic}-${partition}`, { topic, partition });
for (const [title, { topic, partition }] of [...places].slice(0, 12)) {
  const of = ({ partitions }) => partitions.find((one) => one.topic === topic && one.partition === partition);
  addLane(
    `${title} leader`,
    spans((sample) => of(sample)?.leader ?? -1).map(({ value, ...span }) => ({
      ...span,
      color: colorOf(value),
      text: value < 0 ? `${title} has no leader` : `broker ${value} leads ${title}`,
    })),
  );
  const full = Math.max(...model.samples.map((sample) => of(sample)?.isr.length ?? 0));
  addLane(
    `${title} in sync`,
    spans((sample) => (of(sample)?.isr ?? []).join(', ')).map(({ value, ...span }) => {
      const count = value === '' ? 0 : value.split(', ').length;
      return {
        ...span,
        color: count === full ? '--good' : '--warn',
        opacity: full === 0 ? 0.2 : 0.25 + (0.6 * count) / full,
        text: `in sync: ${value || 'nobody'}`,
      };
    }),
  );
}

function show(from, to) {
  for (const svg of lanes) svg.setAttribute('viewBox', `${from} 0 ${Math.max(to - from, 0.001)} 16`);
}
show(0, lengthS);

/** The plots begin where the lanes begin, so that a time has the same place in all of them. */
const labelWidth = () => {
  const { left } = document.getElementById('lanes').getBoundingClientRect();
  return Math.round(lanes[0].getBoundingClientRect().left - left);
};
const plots = [];
let isSyncing = false;
function addPlot(title, unit, series) {
  const box = document.createElement('div');
  box.className = 'plot';
  const head = document.createElement('h3');
  head.textContent = title;
  box.append(head);
  document.getElementById('plots').append(box);
  const stepS = seconds(model.series.stepUs);
  const times = series[0].values.map((_, index) => index * stepS);
  const options = {
    width: box.clientWidth,
    height: 170,
    padding: [null, 0, null, 0],
    cursor: { sync: { key: 'time' }, drag: { x: true, y: false } },
    scales: { x: { time: false, min: 0, max: lengthS } },
    axes: [
      {
        stroke: css('--soft'),
        grid: { stroke: css('--line') },
        values: (_, ticks) => ticks.map((t) => `${t} s`),
      },
      { stroke: css('--soft'), grid: { stroke: css('--line') }, size: labelWidth },
    ],
    series: [
      { label: 'time', value: (_, value) => (value == null ? '' : `${value} s`) },
      ...series.map(({ name }, index) => ({
        label: name,
        stroke: css(COLORS[index % COLORS.length]),
        width: 1.5,
        spanGaps: false,
        value: (_, value) => (value == null ? '–' : `${Math.round(value * 10) / 10}${unit}`),
      })),
    ],
    hooks: {
      drawClear: [shadeFaults],
      setScale: [
        (plot, key) => {
          if (key !== 'x' || isSyncing) return;
          isSyncing = true;
          const { min, max } = plot.scales.x;
          show(min, max);
          for (const other of plots) if (other !== plot) other.setScale('x', { min, max });
          isSyncing = false;
        },
      ],
    },
  };
  plots.push(new uPlot(options, [times, ...series.map(({ values }) => values)], box));
}

function shadeFaults(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = css('--fault');
  ctx.globalAlpha = 0.13;
  for (const { fromUs, toUs } of model.faults) {
    const left = Math.max(bbox.left, plot.valToPos(seconds(fromUs), 'x', true));
    const right = Math.min(
      bbox.left + bbox.width,
      plot.valToPos(seconds(toUs ?? model.durationUs), 'x', true),
    );
    if (right > left) ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
  }
  ctx.restore();
}

const writers = Object.entries(model.series.acknowledged).map(([name, values]) => ({ name, values }));
if (writers.length > 0 && model.series.failed.length > 0) {
  addPlot('Acknowledged records in each second', '', writers);
  addPlot('Time from the send to the acknowledgement, in milliseconds', ' ms', [
    { name: 'median', values: model.series.latencyMedianMs },
    { name: 'p99', values: model.series.latencyP99Ms },
  ]);
  addPlot('Sends that failed, or whose outcome is unknown, in each second', '', [
    { name: 'sends', values: model.series.failed },
  ]);
}
document.getElementById('whole').addEventListener('click', () => {
  for (const plot of plots) plot.setScale('x', { min: 0, max: lengthS });
});
const resized = () => {
  for (const plot of plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: 170 });
};
window.addEventListener('resize', resized);
window.addEventListener('beforeprint', resized);
