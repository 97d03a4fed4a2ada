// Without the fonts that come with the theme: the system's are enough.
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
