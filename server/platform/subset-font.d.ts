/** The package brings no types of its own. */
declare module 'subset-font' {
  type Options = { readonly targetFormat: 'sfnt' | 'woff' | 'woff2'; readonly variationAxes?: Readonly<Record<string, number>> };
  /** A font of the characters of a text alone. */
  const subsetFont: (font: Buffer, text: string, options: Options) => Promise<Buffer>;
  export = subsetFont;
}
