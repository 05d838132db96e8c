/**
 * Messages to CDR as ROS 2 has it (XCDR1, little-endian). @foxglove/rosmsg2-serialization counts a text's characters
 * where bytes are wanted, and so cuts every text that is not ASCII.
 */
import { parse } from '@foxglove/rosmsg';
import { fullDefinition } from './definitions.js';

type Definitions = ReturnType<typeof parse>;
type Field = Definitions[number]['definitions'][number];

const SIZES: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float32: 4,
  float64: 8,
};

/** A writer for messages of a type such as `aid_msgs/msg/Clip`. */
export function messageWriter(type: string): CdrMessageWriter {
  return new CdrMessageWriter(parse(fullDefinition(type), { ros2: true }));
}

export class CdrMessageWriter {
  readonly #definitions: Definitions;
  #memory = new Memory(0);

  /** The first definition is the message's, the others those of its parts, as `parse` gives them. */
  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /** Errors: `TypeError` for a field that is missing or of another type. */
  write(message: object): Uint8Array {
    return this.writeOver(message).slice();
  }

  /** As `write`, in memory that the next message overwrites. */
  writeOver(message: object): Uint8Array {
    const size = new Size();
    this.#message(size, this.#definitions[0], message);
    // At once as large as is needed: a clip of many megabytes would be copied again and again while it grows.
    if (size.offset > this.#memory.size) this.#memory = new Memory(size.offset);
    this.#memory.start();
    this.#message(this.#memory, this.#definitions[0], message);
    return this.#memory.written;
  }

  #message(sink: Sink, definition: Definitions[number] | undefined, message: object): void {
    if (definition === undefined) throw new TypeError('a message without its definition');
    const fields = definition.definitions.filter(({ isConstant }) => isConstant !== true);
    // An empty structure has one byte.
    if (fields.length === 0) sink.number('uint8', 0);
    for (const field of fields) {
      const value = (message as Record<string, unknown>)[field.name];
      if (value === undefined) throw new TypeError(`${field.name}: missing`);
      if (field.isArray === true) this.#array(sink, field, value as ArrayLike<unknown>);
      else this.#value(sink, field.type, value);
    }
  }

  #array(sink: Sink, { name, type, arrayLength }: Field, values: ArrayLike<unknown>): void {
    if (arrayLength === undefined) sink.number('uint32', values.length);
    else if (values.length !== arrayLength)
      throw new TypeError(`${name}: expected ${arrayLength} values, got ${values.length}`);
    if (type === 'uint8' && values instanceof Uint8Array) sink.bytes(values);
    else for (let i = 0; i < values.length; i++) this.#value(sink, type, values[i]);
  }

  #value(sink: Sink, type: string, value: unknown): void {
    if (type === 'string') {
      sink.text(value as string);
    } else if (type === 'time' || type === 'duration') {
      const { sec, nanosec } = value as { sec: number; nanosec: number };
      sink.number('int32', sec);
      sink.number('uint32', nanosec);
    } else if (type in SIZES) {
      sink.number(type, value as number | bigint | boolean);
    } else {
      const definition = this.#definitions.find(({ name }) => name === type);
      this.#message(sink, definition, value as object);
    }
  }
}

/** What a walk over a message comes upon, in order. */
interface Sink {
  number(type: string, value: number | bigint | boolean): void;
  bytes(bytes: Uint8Array): void;
  text(text: string): void;
}

/** The encapsulation's header: little-endian CDR, no options. */
const HEADER = [0, 1, 0, 0] as const;

/** Numbers are aligned to their own size, counted from behind the header. */
function paddingOf(size: number, offset: number): number {
  return (size - ((offset - HEADER.length) % size)) % size;
}

/** How long a message will be. */
class Size implements Sink {
  offset: number = HEADER.length;

  number(type: string): void {
    const size = SIZES[type] ?? 1;
    this.offset += paddingOf(size, this.offset) + size;
  }

  bytes({ length }: Uint8Array): void {
    this.offset += length;
  }

  text(text: string): void {
    this.number('uint32');
    this.offset += Buffer.byteLength(text) + 1;
  }
}

/** The message itself. */
class Memory implements Sink {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get size(): number {
    return this.#bytes.length;
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  start(): void {
    this.#bytes.set(HEADER);
    this.#offset = HEADER.length;
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.number('uint32', bytes.length + 1);
    this.bytes(bytes);
    this.number('uint8', 0);
  }

  number(type: string, value: number | bigint | boolean): void {
    const size = SIZES[type] ?? 1;
    const padding = paddingOf(size, this.#offset);
    this.#bytes.fill(0, this.#offset, this.#offset + padding);
    const at = this.#offset + padding;
    this.#offset = at + size;
    switch (type) {
      case 'int64':
        this.#view.setBigInt64(at, BigInt(value), true);
        break;
      case 'uint64':
        this.#view.setBigUint64(at, BigInt(value), true);
        break;
      case 'float32':
        this.#view.setFloat32(at, Number(value), true);
        break;
      case 'float64':
        this.#view.setFloat64(at, Number(value), true);
        break;
      case 'int32':
        this.#view.setInt32(at, Number(value), true);
        break;
      case 'uint32':
        this.#view.setUint32(at, Number(value), true);
        break;
      case 'int16':
        this.#view.setInt16(at, Number(value), true);
        break;
      case 'uint16':
        this.#view.setUint16(at, Number(value), true);
        break;
      case 'int8':
        this.#view.setInt8(at, Number(value));
        break;
      default:
        this.#view.setUint8(at, Number(value));
    }
  }
}
