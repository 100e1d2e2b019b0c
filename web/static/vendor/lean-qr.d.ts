// Types of the vendored lean-qr build, as far as the client uses it.
export interface Bitmap {
  readonly size: number;
  get(x: number, y: number): boolean;
}
export function generate(data: string): Bitmap;
