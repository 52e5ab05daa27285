// A text that grows at its end: Vue draws it once, empty, and is not asked again.
export default {
  template: '<div class="prose plain-text growing"></div>',
  methods: {
    add(piece) {
      this.$el.append(piece);
      this.$el.normalize();
    },
  },
};
