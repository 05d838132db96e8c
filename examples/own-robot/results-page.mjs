// What adapting came to, for several numbers of episodes, as Markdown.
const percent = (rate) => `${(100 * rate).toFixed(1)} %`;
const between = (interval, digits) => `(${interval.map(digits).join(' to ')})`;
const decibels = (value) => value.toFixed(2);

/** In words and of 1. */
const MARKS = [
  ['half', 0.5],
  ['three quarters', 0.75],
  ['nine in ten', 0.9],
];

/** `rows`: episodes, and the report of `aid evaluate --variant` after training on so many; the first has none. */
export function resultsPage(rows, { model, sha256, steps, clipsPerStep, decoderSteps, train }) {
  const [{ report: before }] = rows;
  const { scenes, chance, copyFirstPsnr, ceilingFollowing, anotherExecution } = before;
  const { from, to } = scenes.seeds;
  const networks = train.length === 0 ? 'nothing else' : train.join(', ');
  return [
    sentence(rows, model),
    '',
    '| episodes | command followed | in wordings never seen | another command followed | PSNR, dB | of the truth, autoencoded | SSIM |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(({ episodes, report }) => `| ${[episodes, ...cells(report)].join(' | ')} |`),
    '',
    `${model}, SHA-256 ${sha256.slice(0, 12)}; ${steps} steps of ${clipsPerStep} clips for each number of episodes, ${train.includes('unet') ? '' : 'the UNet frozen, '}trained: DQFormer, adapters, attn2 and ${networks}; then ${decoderSteps} steps of the decoder alone. ${scenes.count} scenes of the table ${scenes.variant}, seeds ${from}:${to}, ${scenes.generator}. In brackets: 95 % intervals over scenes. PSNR and SSIM are against the one recorded future.`,
    '',
    `Followed by chance: ${percent(chance)}; by ${anotherExecution === undefined ? '' : `the truth, executed again: ${percent(anotherExecution.following)}; by `}the truth, autoencoded: ${percent(ceilingFollowing)}. The first frame, shown all the time: ${decibels(copyFirstPsnr)} dB.`,
    '',
  ].join('\n');
}

function cells({ commanded, heldOutWordings, swapped, psnrMean, ceilingPsnr, ssimMean, intervals }) {
  return [
    `${percent(commanded.following)} ${between(commanded.interval, percent)}`,
    heldOutWordings === undefined ? '' : percent(heldOutWordings.following),
    percent(swapped.following),
    `${decibels(psnrMean)} ${between(intervals.psnrMean, decibels)}`,
    decibels(ceilingPsnr),
    ssimMean.toFixed(4),
  ];
}

/** How many episodes it took to reach what. */
function sentence(rows, model) {
  const rate = ({ report }) => percent(report.commanded.following);
  const [before, ...after] = rows;
  const rates = after.map((row) => `${rate(row)} after ${row.episodes}`);
  const firstWith = (mark) => rows.find(({ report }) => report.commanded.following >= mark);
  const missed = MARKS.findIndex(([, mark]) => firstWith(mark) === undefined);
  // Beyond the first that was missed, all were.
  const marks = MARKS.slice(0, missed < 0 ? MARKS.length : missed + 1).map(
    ([name, mark]) => `${name} with ${firstWith(mark)?.episodes ?? 'none of these numbers'}`,
  );
  return `Without an episode of this table ${model} follows ${rate(before)} of the commands (chance ${percent(before.report.chance)}), and ${rates.join(', ')}; it follows ${marks.join(', ')}.`;
}
