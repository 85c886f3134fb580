/** What a picture looks like beyond what it says. */
export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly text: string;
  readonly faint: string;
  readonly band: string;
  /** Colours that colour-blind readers tell apart (Okabe and Ito 2008), for this background. */
  readonly odd: string;
  readonly even: string;
  readonly accent: string;
  readonly fits: readonly string[];
  /** A ramp that rises in lightness alone as well, so that it survives print (van der Walt and Smith 2015). */
  readonly ramp: string;
}

export const LIGHT: Theme = {
  name: 'light',
  background: '#ffffff',
  text: '#1b1f24',
  faint: '#c9ced6',
  band: '#d7e8d4',
  odd: '#0072b2',
  even: '#d55e00',
  accent: '#00664b',
  fits: ['#6e7781', '#0072b2', '#d55e00', '#8a4a78'],
  ramp: 'viridis',
};

export const DARK: Theme = {
  name: 'dark',
  background: '#14181d',
  text: '#e6e9ed',
  faint: '#3f4751',
  band: '#1f3a2e',
  odd: '#56b4e9',
  even: '#e69f00',
  accent: '#4fd1a5',
  fits: ['#9aa4ae', '#56b4e9', '#e69f00', '#d7a3c8'],
  ramp: 'viridis',
};
