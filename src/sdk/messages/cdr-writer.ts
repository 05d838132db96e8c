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
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #offset = 0;

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
    this.#start(message);
    return this.#bytes.subarray(0, this.#offset);
  }

  #start(message: object): void {
    // The encapsulation's header: little-endian CDR, no options.
    this.#bytes.set([0, 1, 0, 0]);
    this.#offset = 4;
    this.#message(this.#definitions[0], message);
  }

  #message(definition: Definitions[number] | undefined, message: object): void {
    if (definition === undefined) throw new TypeError('a message without its definition');
    const fields = definition.definitions.filter(({ isConstant }) => isConstant !== true);
    // An empty structure has one byte.
    if (fields.length === 0) this.#number('uint8', 0);
    for (const field of fields) {
      const value = (message as Record<string, unknown>)[field.name];
      if (value === undefined) throw new TypeError(`${field.name}: missing`);
      if (field.isArray === true) this.#array(field, value as ArrayLike<unknown>);
      else this.#value(field.type, value);
    }
  }

  #array({ name, type, arrayLength }: Field, values: ArrayLike<unknown>): void {
    if (arrayLength === undefined) this.#number('uint32', values.length);
    else if (values.length !== arrayLength)
      throw new TypeError(`${name}: expected ${arrayLength} values, got ${values.length}`);
    if (type === 'uint8' && values instanceof Uint8Array) this.#raw(values);
    else for (let i = 0; i < values.length; i++) this.#value(type, values[i]);
  }

  #value(type: string, value: unknown): void {
    if (type === 'string') {
      const text = new TextEncoder().encode(value as string);
      this.#number('uint32', text.length + 1);
      this.#raw(text);
      this.#number('uint8', 0);
    } else if (type === 'time' || type === 'duration') {
      const { sec, nanosec } = value as { sec: number; nanosec: number };
      this.#number('int32', sec);
      this.#number('uint32', nanosec);
    } else if (type in SIZES) {
      this.#number(type, value as number | bigint | boolean);
    } else {
      this.#message(
        this.#definitions.find(({ name }) => name === type),
        value as object,
      );
    }
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  #number(type: string, value: number | bigint | boolean): void {
    const size = SIZES[type] ?? 1;
    // Aligned to its own size, counted from behind the header.
    const padding = (size - ((this.#offset - 4) % size)) % size;
    this.#reserve(padding + size);
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

  #reserve(count: number): void {
    if (this.#offset + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#offset + count));
    larger.set(this.#bytes.subarray(0, this.#offset));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
