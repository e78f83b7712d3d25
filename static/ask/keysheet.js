/** The keys of this page. */

export const FOOT = [
  [['Ctrl', '⏎'], 'ask'], [['Esc'], 'stop'], [['←', '→'], 'step'], [['[', ']'], 'draw'], [['G'], 'all draws'], [['Space'], 'play'],
];

export const SHEET = [
  [['Ctrl', 'Enter'], 'ask, also while you type'],
  [['Esc'], 'stop the run that was asked here; else leave: playing, the step, the draw'],
  [['←', '→'], 'previous and next step'],
  [['Home', 'End'], 'first and last step'],
  [['F'], 'show the newest step as it comes'],
  [['Space'], 'play the path, pause'],
  [['[', ']'], 'previous and next draw'],
  [['G'], 'all draws side by side'],
  [['+', '−'], 'zoom in and out'],
  [['0'], 'fit the picture'],
  [['1'], 'one picture pixel on one screen pixel'],
  [['Shift', '← ↑ → ↓'], 'move the picture'],
  [['O'], 'open the look of this step larger'],
  [['Ctrl', 'V'], 'paste a picture'],
  [['?'], 'this sheet'],
];
