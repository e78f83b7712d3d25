/** Light or dark, and the height that the page leaves. */

/** In Gradio its own switch decides (class `dark` on body); on a plain page the system does. */
export function followTheme(root) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const gradio = document.querySelector('gradio-app, .gradio-container') !== null;
    const dark = document.body.classList.contains('dark') || (!gradio && system.matches);
    root.dataset.theme = dark ? 'dark' : 'light';
  };
  const watcher = new MutationObserver(apply);
  watcher.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  system.addEventListener('change', apply);
  apply();
  return () => {
    watcher.disconnect();
    system.removeEventListener('change', apply);
  };
}

/** Lets the viewer reach from where it stands down to the foot of the window. */
export function followHeight(host, root) {
  const apply = () => {
    if (!host.getClientRects().length) return;
    const top = host.getBoundingClientRect().top + scrollY;
    root.style.setProperty('--sc-top', `${Math.max(0, Math.round(top))}px`);
  };
  const watcher = new ResizeObserver(apply);
  watcher.observe(host);
  addEventListener('resize', apply);
  apply();
  return () => {
    watcher.disconnect();
    removeEventListener('resize', apply);
  };
}
