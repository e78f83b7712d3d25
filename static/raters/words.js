/** The roles in words. */

export const ROLES = {
  rater: { title: 'Rater', may: 'rates, and sees nothing else' },
  lead: { title: 'Lead', may: 'also sees traces, studies and results, imports and exports' },
  admin: { title: 'Admin', may: 'also decides who may come in' },
};

export const SHORTEST = 8;

// Without letters and digits that look like one another when they are read aloud or from paper.
const SIGNS = '23456789abcdefghjkmnpqrstuvwxyz';
const GROUPS = 4;
const EACH = 4;

/** A password that can be written down and typed: sixteen signs in four groups, some 79 bits by chance. */
export function makePassword() {
  const signs = [];
  while (signs.length < GROUPS * EACH) {
    // What is left over of a byte would make some signs likelier than others.
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 256 - (256 % SIGNS.length)) signs.push(SIGNS[byte % SIGNS.length]);
  }
  return Array.from({ length: GROUPS }, (_, k) => signs.slice(k * EACH, (k + 1) * EACH).join('')).join('-');
}
